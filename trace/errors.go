package trace

import (
	"errors"
	"fmt"
)

var (
	// ErrForm is wrapped by every error about bytes that are not an event, a
	// subject or a value of this package's format.
	ErrForm = errors.New("not in the format of package trace")

	// ErrKind says that a record's kind is not in this version's table. Such
	// records are stored and cosigned like others and have no place in a trail.
	ErrKind = errors.New("kind not known to this version")
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrForm, fmt.Sprintf(format, args...))
}
