package index

import "errors"

var (
	// ErrGap refuses events that do not follow what has been applied.
	ErrGap = errors.New("entries are missing between those applied and these")

	// ErrTooMany comes with the result of a look-up that met one of the limits
	// of limits.go. What was found stands; that it is all does not.
	ErrTooMany = errors.New("look-up met a limit")

	// ErrDamaged says that the index holds what it cannot have written. The
	// owner drops it and fills it again.
	ErrDamaged = errors.New("index is damaged")

	// ErrInUse says that another process has the directory open.
	ErrInUse = errors.New("index is in use by another process")

	// ErrForeign says that the directory holds something else than an index.
	ErrForeign = errors.New("directory is not an index")

	// ErrBehind says that entries within the cut of a look-up have not been
	// applied yet. Whoever answers says 503, never what it has.
	ErrBehind = errors.New("index has not applied all entries asked for")

	// ErrClosed refuses use after Close.
	ErrClosed = errors.New("index is closed")
)

// A LeftOut is the error of a look-up that met a limit: it says of which chains
// events were left out, and wraps ErrTooMany.
type LeftOut struct {
	Chains []uint32 // ascending
	err    error
}

func (e *LeftOut) Error() string { return e.err.Error() }

func (e *LeftOut) Unwrap() error { return e.err }
