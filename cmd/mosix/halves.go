package main

import (
	"os"

	"umosix/wire/control"
)

// runDeputy is the home half of a job, started by mosd.
func runDeputy(args []string) int { return runHalf(args, startDeputy) }

// runExecutor is the away half of a job, started by mosd.
func runExecutor(args []string) int { return runHalf(args, startExecutor) }

// runHalf makes sure that mosd has started it: its channel is there.
func runHalf(args []string, start func(channel *os.File) int) int {
	channel := os.NewFile(control.ChannelFd, "channel")
	info, err := channel.Stat()
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		os.Stderr.WriteString("mosix " + args[0] + ": this is started by mosd only\n")
		return exitUsage
	}
	return start(channel)
}
