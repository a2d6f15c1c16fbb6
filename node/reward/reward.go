package reward

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// An ID is the id of a claim record.
type ID [32]byte

// String returns the id in hex.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText writes the id in hex.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (id *ID) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(id) {
		return fmt.Errorf("%q is no id of a record", text)
	}
	copy(id[:], raw)
	return nil
}

// A State says how far a reward has come.
type State string

// The states.
const (
	Waiting   State = "waiting"   // for the product's trigger to become final
	Held      State = "held"      // the trigger has come, and something speaks against paying
	Due       State = "due"       // being sent
	Delivered State = "delivered" // the receiver has taken it
	Failed    State = "failed"    // it has not, for so long that it is not tried any more, or wants none
	Withdrawn State = "withdrawn" // the claim was taken back
)

// States are all states.
var States = []State{Waiting, Held, Due, Delivered, Failed, Withdrawn}

// done reports whether nothing happens any more by itself.
func (s State) done() bool { return s == Delivered || s == Failed || s == Withdrawn }

// A Reward is due, or will be, for one claim.
type Reward struct {
	Claim     ID        `json:"claim"`
	URI       string    `json:"uri"`
	GTIN      string    `json:"gtin"`
	Serial    string    `json:"serial"`
	Claimant  string    `json:"claimant,omitempty"`
	ClaimedAt time.Time `json:"claimed_at"`
	Trigger   string    `json:"trigger"`

	State    State     `json:"state"`
	Next     time.Time `json:"next,omitzero"` // when it is looked at next
	DueAt    time.Time `json:"due_at,omitzero"`
	Attempts int       `json:"attempts,omitempty"`
	Reason   string    `json:"reason,omitempty"` // why it is held, or how the last attempt ended
	DoneAt   time.Time `json:"done_at,omitzero"`

	Body json.RawMessage `json:"body,omitempty"` // the message, once it is due
}

// A Judgement says whether a reward is due.
type Judgement struct {
	State  State     // Waiting, Held, Due or Withdrawn
	Reason string    // with Held
	Record ID        // with Due: the record that was waited for
	At     time.Time // when what it tells of happened
	// Verdict is that of the item's trail.
	Verdict string
}

// A Judge says whether a reward is due. An error means that it cannot say now.
type Judge func(ctx context.Context, r *Reward) (Judgement, error)

// message is the body of what is sent.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	Claim       ID        `json:"claim"`
	URI         string    `json:"uri"`
	GTIN        string    `json:"gtin"`
	Serial      string    `json:"serial"`
	Claimant    string    `json:"claimant,omitempty"`
	ClaimedAt   time.Time `json:"claimed_at"`
	Trigger     string    `json:"trigger"`
	Record      ID        `json:"record"`
	TriggeredAt time.Time `json:"triggered_at"`
	Verdict     string    `json:"verdict"`
}

// judged takes over what a judge said. A message that is due is made here and
// never changes again.
func (r *Reward) judged(j Judgement, now time.Time) error {
	r.State, r.Reason = j.State, j.Reason
	switch j.State {
	case Waiting, Held:
		r.Next = now.Add(min(max(firstLook, now.Sub(r.ClaimedAt)/10), lastLook))
	case Withdrawn:
		r.DoneAt = now
	case Due:
		r.DueAt, r.Next = now, now
		body, err := json.Marshal(message{"reward.due", now, data{
			Claim: r.Claim, URI: r.URI, GTIN: r.GTIN, Serial: r.Serial, Claimant: r.Claimant, ClaimedAt: r.ClaimedAt,
			Trigger: r.Trigger, Record: j.Record, TriggeredAt: j.At, Verdict: j.Verdict,
		}})
		r.Body = body
		return err
	default:
		return fmt.Errorf("a judgement of %q", j.State)
	}
	return nil
}

// attempted takes over how an attempt ended.
func (r *Reward) attempted(err error, now time.Time) {
	r.Attempts++
	if err == nil {
		// Who claimed stands in the claim record, where it can be erased.
		r.State, r.Reason, r.DoneAt, r.Body, r.Claimant = Delivered, "", now, nil, ""
		return
	}
	text := err.Error()
	r.Reason = text[:min(len(text), MaxErrorBytes)]
	wait := waits[min(r.Attempts, len(waits))-1]
	if errors.Is(err, errGone) || now.Add(wait).Sub(r.DueAt) > GiveUp {
		r.State, r.DoneAt = Failed, now
		return
	}
	r.Next = now.Add(wait)
}

// again has a failed reward sent anew.
func (r *Reward) again(now time.Time) {
	r.State, r.Attempts, r.DueAt, r.Next, r.DoneAt = Due, 0, now, now, time.Time{}
}
