package jobs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc/PID/stat on every Linux: USER_HZ.
const clockTick = 10 * time.Millisecond

// maxCommand bounds a command line in listings, in bytes.
const maxCommand = 512

// stat is what this package reads of /proc/PID/stat (man 5 proc_pid_stat).
type stat struct {
	ppid    int
	state   byte
	start   uint64 // clock ticks after boot; with the pid it names a process for good
	cpu     time.Duration
	threads int
	rss     uint64 // bytes
}

// dead tells whether the process has ended though it may still be waited for.
func (s *stat) dead() bool { return s.state == 'Z' || s.state == 'X' }

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	s, err := parseStat(text)
	if err != nil {
		return stat{}, fmt.Errorf("jobs: /proc/%d/stat: %w", pid, err)
	}
	return s, nil
}

// parseStat reads the fields behind the command's name, which may itself hold
// blanks and parentheses. The numbers are those of the man page less three.
func parseStat(text []byte) (stat, error) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return stat{}, errors.New("no command in it")
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 22 {
		return stat{}, fmt.Errorf("only %d fields", len(fields))
	}
	number := func(i int) uint64 {
		n, _ := strconv.ParseUint(fields[i], 10, 64)
		return n
	}
	return stat{
		state:   fields[0][0],
		ppid:    int(number(1)),
		cpu:     time.Duration(number(11)+number(12)) * clockTick,
		threads: int(number(17)),
		start:   number(19),
		rss:     number(21) * uint64(os.Getpagesize()),
	}, nil
}

// anonymous is how much memory of no file a process has in RAM, in bytes; 0 if it
// has ended (man 5 proc_pid_statm).
func anonymous(pid int) uint64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	var size, resident, shared uint64
	if n, _ := fmt.Sscan(string(text), &size, &resident, &shared); n < 3 || shared > resident {
		return 0
	}
	return (resident - shared) * uint64(os.Getpagesize())
}

// children lists the processes that the tasks of pid have made and not yet
// waited for. It needs CONFIG_PROC_CHILDREN, as every distribution has it.
func children(pid int) []int {
	lists, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		return nil
	}
	var pids []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// command is the command line of a process, its parts joined by blanks, or the
// name in brackets where it has none.
func command(pid int) string {
	dir := "/proc/" + strconv.Itoa(pid)
	text, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return ""
	}
	if len(text) > maxCommand {
		text = text[:maxCommand]
	}
	line := strings.TrimRight(string(bytes.ReplaceAll(text, []byte{0}, []byte{' '})), " ")
	if line != "" {
		return printable(line)
	}
	name, _ := os.ReadFile(dir + "/comm")
	return "[" + printable(strings.TrimSpace(string(name))) + "]"
}

// printable keeps a command line on its line of a listing.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, line)
}

// Owner is the user in whose name a job runs.
type Owner struct {
	Uid    int   `json:"uid"`
	Gid    int   `json:"gid"`
	Groups []int `json:"groups,omitempty"`
}

// readOwner takes the effective ids of a process from /proc/PID/status.
func readOwner(pid int) (Owner, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if errors.Is(err, fs.ErrNotExist) {
		return Owner{}, fmt.Errorf("there is no process %d", pid)
	}
	if err != nil {
		return Owner{}, err
	}
	owner := Owner{Uid: -1, Gid: -1}
	for line := range strings.Lines(string(text)) {
		key, rest, _ := strings.Cut(line, ":")
		numbers := integers(rest)
		switch {
		case key == "Uid" && len(numbers) == 4:
			owner.Uid = numbers[1]
		case key == "Gid" && len(numbers) == 4:
			owner.Gid = numbers[1]
		case key == "Groups":
			owner.Groups = numbers
		}
	}
	if owner.Uid < 0 || owner.Gid < 0 {
		return Owner{}, fmt.Errorf("/proc/%d/status names no owner", pid)
	}
	return owner, nil
}

func integers(text string) []int {
	var numbers []int
	for _, word := range strings.Fields(text) {
		if n, err := strconv.Atoi(word); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// alive tells whether a process is still the one that had this start time.
func alive(pid int, start uint64) bool {
	now, err := readStat(pid)
	return err == nil && now.start == start && !now.dead()
}

// startOf is the start time of a process, 0 if it has ended.
func startOf(pid int) uint64 {
	now, err := readStat(pid)
	if err != nil {
		return 0
	}
	return now.start
}
