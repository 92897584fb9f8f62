package abi

import "golang.org/x/sys/unix"

// ThreadFlags make a thread and nothing else (man clone).
const ThreadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM

// The values of si_code that say who sent a signal (man 2 sigaction).
const (
	SiUser  = 0
	SiQueue = -1
	SiTimer = -2
	SiTkill = -6
)
