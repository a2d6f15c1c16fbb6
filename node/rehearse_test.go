package node

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"suyuan/ledger"
	"suyuan/trace"
)

// drawDraft makes a draft that may or may not be refused after those before it.
func drawDraft(rnd *rand.Rand) trace.Draft {
	from := rnd.Uint32N(30)
	codes := []trace.DraftSubject{codesOf(toner, from, from+rnd.Uint32N(8))}
	place := fmt.Sprintf("p%d", rnd.IntN(3))
	ahead := int64(-3_600_000)
	switch rnd.IntN(12) {
	case 0, 1:
		return trace.Draft{Kind: "activate", Subjects: codes, Fields: fields{"lot": "B1"}}
	case 2:
		return trace.Draft{Kind: "sell", Subjects: codes, Fields: fields{"channel": "store"}}
	case 3:
		return trace.Draft{Kind: "ship", Subjects: codes, Place: place, Fields: fields{"purpose": "sale", "to": "brand"}}
	case 4:
		return trace.Draft{Kind: "receive", Subjects: codes}
	case 5:
		return trace.Draft{Kind: "return", Subjects: codes, Fields: fields{"condition": "opened", "disposition": "restock"}}
	case 6:
		return trace.Draft{Kind: "void", Subjects: codes, Fields: fields{"reason": "lost"}}
	case 7:
		return trace.Draft{Kind: "place", Fields: fields{"id": place, "kind": "store", "country": "CN"}}
	case 8:
		return trace.Draft{Kind: "product", Fields: fields{"gtin": toner.String(), "version": 2 + rnd.IntN(4), "corrects": 1 + rnd.IntN(3), "issuing_chain": 1,
			"names": fields{"zh": "水"}}}
	case 9:
		return trace.Draft{Kind: "sell", AgeMs: &ahead, Subjects: codes, Fields: fields{"channel": "store"}}
	case 10:
		return trace.Draft{Kind: "sell", Party: "nobody", Subjects: codes, Fields: fields{"channel": "store"}}
	}
	return trace.Draft{Kind: "hold", Subjects: codes, Fields: fields{"reason": "quality"}}
}

func keyed(t testing.TB, first uint64, drafts ...trace.Draft) []Keyed {
	t.Helper()
	var list []Keyed
	for i, raw := range encode(t, drafts...) {
		k := Keyed{Draft: raw}
		binary.BigEndian.PutUint64(k.Key[:], first+uint64(i))
		list = append(list, k)
	}
	return list
}

var anyID = regexp.MustCompile("[0-9a-f]{64}")

// outcomeOf is what becomes of a draft, in words without ids of records: these are
// others each time.
func outcomeOf(err error) string {
	if err == nil {
		return "stored"
	}
	return anyID.ReplaceAllString(err.Error(), "it")
}

// A rehearsal says of every draft what will become of it, and leaves no trace.
func TestRehearsalIsWhatWillBe(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 35)
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	refused, stored := 0, 0
	for round := range 30 {
		drafts := make([]trace.Draft, 1+rnd.IntN(20))
		for i := range drafts {
			drafts[i] = drawDraft(rnd)
		}
		list := keyed(t, uint64(round)<<32+1, drafts...)
		size := n.store.Size(n.chain)
		plan := n.Rehearse(context.Background(), Signer{}, list)
		if got := n.store.Size(n.chain); got != size {
			t.Fatalf("seed %d: the rehearsal has written %d entries", seed, got-size)
		}
		for i, p := range n.SubmitOnce(context.Background(), Signer{}, list) {
			want, got := outcomeOf(p.Err), outcomeOf(plan[i].Err)
			if want != got || plan[i].Again {
				t.Errorf("seed %d, round %d, draft %d (%s): rehearsed %q, then %q", seed, round, i, list[i].Draft, got, want)
			}
			if p.Err == nil && (plan[i].Operator == "" || plan[i].Signer == (ledger.Address{})) {
				t.Errorf("seed %d: nobody signs %s", seed, list[i].Draft)
			}
			if p.Err == nil {
				stored++
			} else {
				refused++
			}
		}
		for i, p := range n.Rehearse(context.Background(), Signer{}, list) {
			if (plan[i].Err == nil) != p.Again {
				t.Errorf("seed %d, round %d, draft %d: rehearsed again %+v", seed, round, i, p)
			}
		}
	}
	if refused < 20 || stored < 20 {
		t.Errorf("seed %d: %d refused and %d stored say little", seed, refused, stored)
	}
}

// Twins in a list have one outcome, and an unknown operator is told for each.
func TestRehearsalOfTwinsAndStrangers(t *testing.T) {
	t.Parallel()
	n := newBrand(t)
	n.issue(t, toner, 35)
	list := keyed(t, 1, activateDraft(0, 9), activateDraft(0, 9))
	list[1].Key = list[0].Key
	for i, p := range n.Rehearse(context.Background(), Signer{}, list) {
		if p.Err != nil {
			t.Errorf("twin %d: %v", i, p.Err)
		}
	}
	for _, p := range n.Rehearse(context.Background(), Signer{Operator: "nobody"}, list) {
		wantCode(t, p.Err, "unknown-operator")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, p := range n.Rehearse(ctx, Signer{}, list) {
		if p.Err == nil {
			t.Error("a rehearsal that was called off has an outcome")
		}
	}
}
