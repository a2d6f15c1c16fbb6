package store

import (
	"errors"
	"io"
	"path/filepath"
	"testing"
)

// A copy of a node's directory has the same guard. Whoever runs it beside the
// original must not sign.
func TestOneProcessSignsUnderAGuard(t *testing.T) {
	guard := filepath.Join(t.TempDir(), "guard")
	if err := CreateGuard(guard); err != nil {
		t.Fatal(err)
	}
	lock := func() (io.Closer, error) { return lockGuard(guard) }
	first, err := lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(); !errors.Is(err, ErrGuardInUse) {
		t.Errorf("the guard was locked twice: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := lock()
	if err != nil {
		t.Fatalf("the guard stays locked: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if none, err := lockGuard(filepath.Join(t.TempDir(), "gone", "guard")); err != nil || none.Close() != nil {
		t.Errorf("a guard whose directory is gone: %v", err)
	}
}
