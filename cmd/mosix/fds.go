package main

import (
	"math"

	"golang.org/x/sys/unix"
)

// keepDescriptors lets nothing that this process has inherited beyond its
// standard streams pass on to the programs that it starts: a daemon that holds
// somebody's pipe keeps its reader waiting for ever (man 2 close_range).
func keepDescriptors() error {
	return unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}
