package code

import (
	"errors"
	"fmt"
)

var (
	// ErrFormat says that a text is not a code of ours: it has another length
	// or other characters. It may still be a foreign serial.
	ErrFormat = errors.New("not a code of this system")

	// ErrCheckCharacter says that a text looks like a code of ours but was
	// mistyped or misread.
	ErrCheckCharacter = errors.New("check character does not match")

	// ErrRun says that a run cannot be issued: a number is out of its range.
	ErrRun = errors.New("run cannot be issued")

	// ErrCollision says that two codes of a run have the same serial. At 80
	// random bits this means a bad secret rather than bad luck.
	ErrCollision = errors.New("two codes of the run are the same")

	// ErrBadPack says that a pack is not what its run record promises. It is
	// evidence against who issued it and never means trouble of our own.
	ErrBadPack = errors.New("bad pack")

	// ErrIssued answers a request to prove the absence of an issued code.
	ErrIssued = errors.New("code is in the pack")

	// ErrNotIssued answers a request to prove the inclusion of a code that
	// was never issued.
	ErrNotIssued = errors.New("code is not in the pack")

	// ErrProof says that a proof does not prove what it is said to prove.
	ErrProof = errors.New("proof does not hold")

	// ErrBlockRoots says that the file of block roots changed while in use.
	// Opening the prover again writes it anew.
	ErrBlockRoots = errors.New("block roots do not lead to the root of the pack")

	// ErrSerial says that a foreign serial is empty, too long or has
	// characters that GS1 does not allow in AI 21.
	ErrSerial = errors.New("not a serial of application identifier 21")

	// ErrDuplicate says that a list names one serial twice.
	ErrDuplicate = errors.New("serial stands twice in the list")
)

// A ListError says which line of a list of serials is refused and why. From
// [IssueList] Err is [ErrSerial] or [ErrDuplicate].
type ListError struct {
	Line  int // counted from 1
	First int // line where the same serial stood first, or 0
	Err   error
}

func (e *ListError) Error() string {
	if e.First > 0 {
		return fmt.Sprintf("line %d: %v, first in line %d", e.Line, e.Err, e.First)
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

func (e *ListError) Unwrap() error { return e.Err }
