package tracer

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"umosix/tracer/abi"
)

// Dispositions are the sets of ignored and of caught signals of a process
// (man proc, SigIgn and SigCgt); bit n-1 is signal n.
func Dispositions(pid abi.LocalPid) (ignored, caught uint64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan() && err == nil; {
		name, value, _ := strings.Cut(lines.Text(), ":\t")
		switch name {
		case "SigIgn":
			ignored, err = strconv.ParseUint(value, 16, 64)
		case "SigCgt":
			caught, err = strconv.ParseUint(value, 16, 64)
		}
	}
	return ignored, caught, err
}
