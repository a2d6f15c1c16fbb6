//go:build !linux && !darwin && !freebsd

package store

import "math"

// freeBytes does not know the free space on this system: a full disk shows as a
// failed write.
func freeBytes(string) (uint64, error) { return math.MaxUint64, nil }

// syncDir does nothing: there is no way to fsync a directory on this system.
func syncDir(string) error { return nil }
