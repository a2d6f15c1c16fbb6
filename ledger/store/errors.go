package store

import (
	"errors"
	"fmt"

	"suyuan/ledger"
)

// Errors that callers decide on. Test with [errors.Is].
var (
	// ErrNotFound: the entry, tile or blob is not held.
	ErrNotFound = errors.New("not found")
	// ErrClosed: the store was closed, or is closing.
	ErrClosed = errors.New("the store is closed")
	// ErrLocked: another process has the directory open.
	ErrLocked = errors.New("another process uses the store")
	// ErrNotSigning: the store must not append to its own chain or sign for it;
	// [Store.SigningError] says why.
	ErrNotSigning = errors.New("not signing")
	// ErrGuardLost: the guard is missing, damaged, another's or too old, so that
	// nobody knows what was signed.
	ErrGuardLost = errors.New("guard lost")
	// ErrBehind: what is asked for concerns entries that are not stored yet.
	ErrBehind = errors.New("not stored yet")
	// ErrConflict: what is given contradicts what is stored or was signed.
	ErrConflict = errors.New("conflict")
	// ErrForked: there is evidence against the author of the chain.
	ErrForked = errors.New("forked")
	// ErrEnded: a charter has ended the chain.
	ErrEnded = errors.New("ended")
	// ErrOldCharter: the chain is still on a charter version older than the newest
	// that is held here. Its author has to write a charter entry first.
	ErrOldCharter = errors.New("under an old charter")
	// ErrCharterConflict: there are two complete charters of one version.
	ErrCharterConflict = errors.New("two complete charters of one version")
	// ErrFull: the disk has less free space than the store keeps in reserve.
	// Nothing was written.
	ErrFull = errors.New("disk full")
	// ErrDamaged: what is stored does not fit together. The text names the
	// command to run.
	ErrDamaged = errors.New("the store is damaged")
	// ErrFailed: a write ended in an error and its outcome is unknown. Nothing
	// is appended until the store has been opened again.
	ErrFailed = errors.New("the store has failed and must be opened again")
	// ErrBusy: somebody reads what would be changed. It can be tried again.
	ErrBusy = errors.New("busy")
	// ErrTooLarge: a blob is over MaxBlobBytes.
	ErrTooLarge = errors.New("too large")
	// ErrNotAlone: nothing is wrong with the record, but with another that was to
	// be stored together with it.
	ErrNotAlone = errors.New("another record of the request was refused")
	// ErrTogether: the records are too many, or too large, to be stored together.
	ErrTogether = errors.New("too much to be stored together")
)

// An EntryError says which entry of a range was refused by [Store.Extend].
type EntryError struct {
	Chain uint32
	Seq   uint64
	Err   error
}

func (e *EntryError) Error() string { return fmt.Sprintf("entry %d/%d: %v", e.Chain, e.Seq, e.Err) }
func (e *EntryError) Unwrap() error { return e.Err }

// damaged makes an ErrDamaged that tells the operator what to do.
func damaged(dir string, cause error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if cause != nil {
		what = fmt.Sprintf("%s: %v", what, cause)
	}
	return fmt.Errorf("%w: %s; run `suyuan verify --dir %s` to see what is affected, then put back a copy of the directory, never the guard: the node fetches the rest from its peers", ErrDamaged, what, nodeDir(dir))
}

func unknownChain(chain uint32) error {
	return fmt.Errorf("chain %d: %w", chain, &ledger.Error{Code: ledger.CodeUnknownChain, Detail: "no charter has it", Err: ErrNotFound})
}
