package abi

import "golang.org/x/sys/unix"

// ThreadFlags make a thread and nothing else (man clone).
const ThreadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM

// Continues is the set of SIGCONT. It ends a stop even where it is blocked (man 7 signal),
// so a body never blocks it: its guest must hear of it.
const Continues = uint64(1) << (unix.SIGCONT - 1)

// Stops is the set of signals that stop a process by default (man 7 signal).
const Stops = uint64(1)<<(unix.SIGSTOP-1) | 1<<(unix.SIGTSTP-1) | 1<<(unix.SIGTTIN-1) | 1<<(unix.SIGTTOU-1)

// CloneClear is CLONE_CLEAR_SIGHAND, which only clone3 has (man clone3).
const CloneClear uint64 = 0x100000000

// The values of si_code that say who sent a signal (man 2 sigaction).
const (
	SiUser  = 0
	SiQueue = -1
	SiTimer = -2
	SiTkill = -6
)
