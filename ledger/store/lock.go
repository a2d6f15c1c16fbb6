package store

import "errors"

// ErrGuardInUse: another process signs under the guard, as a copy of the node's
// directory does.
var ErrGuardInUse = errors.New("another process signs under the guard")
