package wire

import (
	"fmt"

	"suyuan/ledger"
)

// Claim asks the node that issued a code whether the second code belongs to it,
// and to record its use if it does.
type Claim struct {
	GTIN   uint64      `cbor:"1,keyasint"` // the number that its 14 digits write
	Serial string      `cbor:"2,keyasint"`
	Second string      `cbor:"3,keyasint"` // never logged
	Token  ledger.Hash `cbor:"4,keyasint"` // digest of the caller's token: the same when it asks again
	Tag    string      `cbor:"5,keyasint,omitempty"`
}

// Claimed answers a Claim.
type Claimed struct {
	Outcome Outcome `cbor:"1,keyasint"`
	At      int64   `cbor:"2,keyasint,omitempty"` // of the first use, ms since 1970 UTC; with FIRST, YOURS and BEFORE
	Wait    uint32  `cbor:"3,keyasint,omitempty"` // ms; with WAIT and UNABLE
}

// An Outcome says what became of a claim.
type Outcome uint8

// The outcomes.
const (
	OutcomeFirst  Outcome = 1 // the first use, recorded
	OutcomeYours  Outcome = 2 // the first use was recorded for the same token
	OutcomeBefore Outcome = 3 // it was used before
	OutcomeWrong  Outcome = 4 // it does not belong to the code
	OutcomeWait   Outcome = 5 // too many wrong ones: ask again after wait
	OutcomeNone   Outcome = 6 // the run has no second codes
	OutcomeUnable Outcome = 7 // the node cannot say now: ask again after wait
	OutcomeAlien  Outcome = 8 // the node did not issue the code
)

// String returns the outcome's name.
func (o Outcome) String() string {
	switch o {
	case OutcomeFirst:
		return "first"
	case OutcomeYours:
		return "yours"
	case OutcomeBefore:
		return "before"
	case OutcomeWrong:
		return "wrong"
	case OutcomeWait:
		return "wait"
	case OutcomeNone:
		return "none"
	case OutcomeUnable:
		return "unable"
	case OutcomeAlien:
		return "alien"
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// Type implements [Message].
func (*Claim) Type() Type   { return TypeClaim }
func (*Claimed) Type() Type { return TypeClaimed }

func (m *Claim) check() error {
	return holds(m.GTIN > 0 && m.Serial != "" && len(m.Serial) <= MaxSerial && m.Second != "" && len(m.Second) <= MaxSecond &&
		m.Token != ledger.Hash{} && len(m.Tag) <= MaxTag)
}

func (m *Claimed) check() error {
	dated := m.Outcome <= OutcomeBefore
	waits := m.Outcome == OutcomeWait || m.Outcome == OutcomeUnable
	return holds(m.Outcome >= OutcomeFirst && m.Outcome <= OutcomeAlien && m.At >= 0 && dated == (m.At > 0) && (waits || m.Wait == 0))
}
