package abi

import "golang.org/x/sys/unix"

// The sizes of what the kernel tells of time.
const (
	itimerSize = 32
	timexSize  = 208
)

// timeRows are the calls on clocks and timers.
var timeRows = []Row{
	{Nr: 35, Name: "nanosleep", Args: args(in("req", timespecSize), inout("rem", timespecSize)), Placement: Home, Interrupt: RestartBlock, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 0}, Note: "a sleep goes on at home through any number of moves"},
	{Nr: 36, Name: "getitimer", Args: args(val("which"), out("value", itimerSize)), Placement: Home, place: itimerPlace},
	{Nr: 37, Name: "alarm", Args: args(val("seconds")), Placement: Home},
	{Nr: 38, Name: "setitimer", Args: args(val("which"), in("new", itimerSize), out("old", itimerSize)), Placement: Home, place: itimerPlace, Note: "timers of CPU time come home"},
	{Nr: 96, Name: "gettimeofday", Args: args(out("tv", timevalSize), out("tz", 8)), Placement: Native, Note: "the wall clock is home's"},
	{Nr: 100, Name: "times", Args: args(out("buf", 32)), Placement: Home, Note: "the CPU time used away is added"},
	{Nr: 159, Name: "adjtimex", Args: args(inout("buf", timexSize)), Placement: Home},
	{Nr: 164, Name: "settimeofday", Args: args(in("tv", timevalSize), in("tz", 8)), Placement: Home},
	{Nr: 201, Name: "time", Args: args(out("tloc", 8)), Placement: Native, Note: "the wall clock is home's"},
	{Nr: 222, Name: "timer_create", Args: args(val("clockid"), in("sevp", sigeventSize), out("timerid", 4)), Placement: Home, place: timerPlace, Note: "timers of CPU time come home"},
	{Nr: 223, Name: "timer_settime", Args: args(val("timerid"), val("flags"), in("new", itimerSize), out("old", itimerSize)), Placement: Home},
	{Nr: 224, Name: "timer_gettime", Args: args(val("timerid"), out("value", itimerSize)), Placement: Home},
	{Nr: 225, Name: "timer_getoverrun", Args: args(val("timerid")), Placement: Home},
	{Nr: 226, Name: "timer_delete", Args: args(val("timerid")), Placement: Home},
	{Nr: 227, Name: "clock_settime", Args: args(val("clockid"), in("tp", timespecSize)), Placement: Home},
	{Nr: 228, Name: "clock_gettime", Args: args(val("clockid"), out("tp", timespecSize)), Placement: Native, place: clockPlace, Note: "the wall clock is home's; to its CPU clocks the time used away is added"},
	{Nr: 229, Name: "clock_getres", Args: args(val("clockid"), out("res", timespecSize)), Placement: Native, place: resPlace},
	{Nr: 230, Name: "clock_nanosleep", Args: args(val("clockid"), val("flags"), in("req", timespecSize), inout("rem", timespecSize)), Placement: Home, Interrupt: RestartBlock | NoHand, MayBlock: true, Timeout: Timeout{Unit: Timespec, Arg: 2, relative: sleepRelative}, place: sleepPlace},
	{Nr: 283, Name: "timerfd_create", Args: args(val("clockid"), val("flags")), Placement: Home},
	{Nr: 286, Name: "timerfd_settime", Args: args(val("fd"), val("flags"), in("new", itimerSize), out("old", itimerSize)), Placement: Home},
	{Nr: 287, Name: "timerfd_gettime", Args: args(val("fd"), out("value", itimerSize)), Placement: Home},
	{Nr: 305, Name: "clock_adjtime", Args: args(val("clockid"), inout("buf", timexSize)), Placement: Home},
}

// CorrectsClock is what the program's own vdso functions pass clock_gettime away from
// home, in its fifth argument, which it does not have: they add to the node's wall clock
// what home's is ahead. Who asks otherwise is answered by the executor.
const CorrectsClock = 0x6d6f7369

// IsWallClock tells the clocks that show the time of day.
func IsWallClock(id uint64) bool {
	clock := int32(id)
	return clock == unix.CLOCK_REALTIME || clock == unix.CLOCK_REALTIME_COARSE || clock == unix.CLOCK_TAI
}

// sleepRelative: with TIMER_ABSTIME the limit is a moment.
func sleepRelative(args *[6]uint64) bool { return args[1]&1 == 0 }

// itimerPlace: ITIMER_REAL runs at home; the others count the guest's CPU time.
func itimerPlace(args *[6]uint64) Placement {
	if which := int32(args[0]); which == unix.ITIMER_VIRTUAL || which == unix.ITIMER_PROF {
		return ComeHome
	}
	return Home
}

// isCPUClock tells the clocks of CPU time: two fixed ones, and negative numbers
// made of a process's or task's (clockid_t in include/linux/posix-timers_types.h).
func isCPUClock(id uint64) bool {
	clock := int32(id)
	return clock == unix.CLOCK_PROCESS_CPUTIME_ID || clock == unix.CLOCK_THREAD_CPUTIME_ID ||
		clock < 0 && clock&7 != clockOfFd
}

// CPUClockOf takes a clock of CPU time apart: whose it is, 0 for the caller's own, and
// whether it counts one task or the process.
func CPUClockOf(id uint64) (pid HomePid, thread, ok bool) {
	switch clock := int32(id); {
	case !isCPUClock(id):
		return 0, false, false
	case clock >= 0:
		return 0, clock == unix.CLOCK_THREAD_CPUTIME_ID, true
	default:
		const perThread = 4
		return HomePid(^(clock >> 3)), clock&perThread != 0, true
	}
}

// CountsUserTime tells whether a clock of CPU time leaves system time out
// (CPUCLOCK_VIRT).
func CountsUserTime(id uint64) bool { return int32(id) < 0 && id&3 == 1 }

// clockOfFd marks the clock of a descriptor (posix_clock) in a negative number.
const clockOfFd = 3

// sleepPlace is where a sleep happens: at home, so that it ends on time however
// often the process moves meanwhile.
func sleepPlace(args *[6]uint64) Placement {
	if isCPUClock(args[0]) {
		return Local
	}
	return Home
}

// clockPlace is where a clock is read.
func clockPlace(args *[6]uint64) Placement {
	clock := int32(args[0])
	if isCPUClock(args[0]) || clock < 0 || clock > unix.CLOCK_TAI {
		return Home
	}
	return Native
}

// resPlace: how fine a clock is does not depend on the process that it is of.
func resPlace(args *[6]uint64) Placement {
	if int32(args[0]) < 0 {
		return Home
	}
	return Native
}

// timerPlace: a timer on a clock of CPU time runs where the CPU time is used.
func timerPlace(args *[6]uint64) Placement {
	if isCPUClock(args[0]) {
		return ComeHome
	}
	return Home
}
