package remote

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"umosix/tracer/abi"
	"umosix/wire"
)

// readUsage reads CPU time and resident memory of a process (man proc, stat). The kernel
// shows user and system time in ticks: their sum is what its clock tells.
func readUsage(pid abi.LocalPid) (u wire.Usage, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	const tick = int64(time.Second / 100) // USER_HZ
	_, rest, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest)
	if len(f) < 22 {
		return u, fmt.Errorf("stat of %d has %d fields", pid, len(f))
	}
	number := func(i int) int64 {
		n, e := strconv.ParseInt(f[i], 10, 64)
		if e != nil {
			err = e
		}
		return n
	}
	u = wire.Usage{UserNs: number(11) * tick, SystemNs: number(12) * tick, RSS: uint64(number(21)) * abi.PageSize}
	if all, e := readClock(pid); e == nil {
		u.UserNs += all - u.UserNs - u.SystemNs
		if u.UserNs < 0 {
			u.UserNs, u.SystemNs = 0, all
		}
	}
	return u, err
}
