package main

import (
	"os"

	"umosix/deputy"
	"umosix/remote"
	"umosix/wire/control"
)

func startDeputy(channel *os.File) int { return deputy.Main(channel) }

func startExecutor(channel *os.File) int {
	return remote.Main(channel, os.NewFile(control.LinkFd, "link"))
}
