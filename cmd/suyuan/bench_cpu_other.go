//go:build !unix

package main

import "time"

// processorTime is not known here; rows then do without it.
func processorTime() time.Duration { return 0 }
