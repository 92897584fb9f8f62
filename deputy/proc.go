package deputy

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"umosix/tracer/abi"
)

// dispositions are the sets of ignored and of caught signals of a process
// (man proc, SigIgn and SigCgt); bit n-1 is signal n.
func dispositions(pid abi.HomePid) (ignored, caught uint64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":\t")
		switch name {
		case "SigIgn":
			ignored, err = strconv.ParseUint(value, 16, 64)
		case "SigCgt":
			caught, err = strconv.ParseUint(value, 16, 64)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return ignored, caught, nil
}

func addr(n uint32) abi.Addr { return abi.Addr(n) }
