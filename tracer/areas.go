package tracer

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"umosix/tracer/abi"
)

// Area is one mapping as /proc/PID/smaps or /proc/PID/maps shows it (man proc).
type Area struct {
	Start, End abi.Addr
	Perms      string   // "rwxp", "r--s", ...
	Offset     uint64   // bytes into the file
	Dev, Ino   uint64   // Dev as major<<32 | minor
	Path       string   // file, or a name in brackets, or empty
	Flags      []string // VmFlags; nil when read from maps
}

// Readable tells whether the process may read the area.
func (a Area) Readable() bool { return a.Perms[0] == 'r' }

// Writable tells whether the process may write to it.
func (a Area) Writable() bool { return a.Perms[1] == 'w' }

// Executable tells whether the process may run code in it.
func (a Area) Executable() bool { return a.Perms[2] == 'x' }

// Shared tells whether what is written to it is seen by others (MAP_SHARED).
func (a Area) Shared() bool { return a.Perms[3] == 's' }

// Len is the length in bytes.
func (a Area) Len() uint64 { return uint64(a.End - a.Start) }

// HasFlag tells whether VmFlags has the two-letter flag.
func (a Area) HasFlag(flag string) bool {
	for _, f := range a.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

// ReadAreas reads all mappings with their VmFlags. It costs a walk over the page
// tables of the process; Areas without flags are cheaper.
func ReadAreas(pid abi.LocalPid) ([]Area, error) { return readAreas(pid, "smaps") }

// ReadAreasQuick reads all mappings without VmFlags.
func ReadAreasQuick(pid abi.LocalPid) ([]Area, error) { return readAreas(pid, "maps") }

func readAreas(pid abi.LocalPid, file string) ([]Area, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return nil, fmt.Errorf("mappings of %d: %w", pid, err)
	}
	defer f.Close()
	var areas []Area
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 16<<10), 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "VmFlags:"); ok && len(areas) > 0 {
			areas[len(areas)-1].Flags = strings.Fields(rest)
			continue
		}
		if a, ok := parseArea(line); ok {
			areas = append(areas, a)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("mappings of %d: %w", pid, err)
	}
	return areas, nil
}

// parseArea reads "start-end perms offset major:minor inode   path".
func parseArea(line string) (a Area, ok bool) {
	addr, rest, _ := strings.Cut(line, " ")
	start, end, dash := strings.Cut(addr, "-")
	perms, rest, _ := strings.Cut(rest, " ")
	offset, rest, _ := strings.Cut(rest, " ")
	dev, rest, _ := strings.Cut(rest, " ")
	ino, path, _ := strings.Cut(rest, " ")
	major, minor, colon := strings.Cut(dev, ":")
	if !dash || !colon || len(perms) != 4 {
		return a, false
	}
	var bad bool
	number := func(s string, base int) uint64 {
		n, err := strconv.ParseUint(s, base, 64)
		bad = bad || err != nil
		return n
	}
	a = Area{Start: abi.Addr(number(start, 16)), End: abi.Addr(number(end, 16)), Perms: perms, Offset: number(offset, 16),
		Dev: number(major, 16)<<32 | number(minor, 16), Ino: number(ino, 10), Path: strings.TrimLeft(path, " ")}
	return a, !bad
}
