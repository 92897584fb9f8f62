package main

import (
	"fmt"
	"os"

	"umosix/deputy"
	"umosix/remote"
	"umosix/wire/control"
)

// runDeputy is the home half of a job, started by mosd: `mosix deputy JOB`.
func runDeputy([]string) int {
	channel := socketAt(control.ChannelFd, "channel")
	if channel == nil {
		return onlyByMosd("deputy")
	}
	return deputy.Main(channel)
}

// runExecutor is the away half of a job, started by mosd: `mosix executor JOB`.
func runExecutor([]string) int {
	channel, link := socketAt(control.ChannelFd, "channel"), socketAt(control.LinkFd, "link")
	if channel == nil || link == nil {
		return onlyByMosd("executor")
	}
	return remote.Main(channel, link)
}

// socketAt is a socket that mosd has left at a descriptor, or nil.
func socketAt(fd uintptr, name string) *os.File {
	file := os.NewFile(fd, name)
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil
	}
	return file
}

func onlyByMosd(half string) int {
	fmt.Fprintf(os.Stderr, "mosix %s: this is started by mosd only\n", half)
	return exitUsage
}
