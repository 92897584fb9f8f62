package abi

import "golang.org/x/sys/unix"

// Codes in a result register that are between a call and the kernel's return to
// the program (include/linux/errno.h). No program ever sees them.
const (
	RestartSys   int64 = -512 // ERESTARTSYS
	RestartIntr  int64 = -513 // ERESTARTNOINTR
	RestartHand  int64 = -514 // ERESTARTNOHAND
	RestartAgain int64 = -516 // ERESTART_RESTARTBLOCK
	Interrupted  int64 = -int64(unix.EINTR)
)

// AtHome is home's answer to a call that must be made by a process at home. It is no
// errno of any kernel.
const AtHome int64 = -4095
