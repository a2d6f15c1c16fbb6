//go:build !unix

package main

import (
	"os"
	"time"
)

// processorTime is not known here; rows then do without it.
func processorTime() time.Duration { return 0 }

// peakMemory and ownPeakMemory are not known here either.
func peakMemory(*os.ProcessState) int64 { return 0 }
func ownPeakMemory() int64              { return 0 }
