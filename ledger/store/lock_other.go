//go:build !linux && !darwin && !freebsd

package store

import "io"

// lockGuard does nothing on this system.
func lockGuard(string) (io.Closer, error) { return io.NopCloser(nil), nil }
