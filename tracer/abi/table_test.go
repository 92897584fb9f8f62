package abi

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var define = regexp.MustCompile(`^#define __NR_(\w+)\s+(\d+)`)

// TestEveryNumberHasARow reads the kernel headers of this machine.
func TestEveryNumberHasARow(t *testing.T) {
	headers := []string{"/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"}
	more, _ := filepath.Glob("/usr/src/linux-headers-*/arch/x86/include/generated/uapi/asm/unistd_64.h")
	read := 0
	for _, name := range append(headers, more...) {
		if file, err := os.Open(name); err == nil {
			checkHeader(t, file)
			read++
			file.Close()
		}
	}
	if read == 0 {
		t.Skip("no kernel headers on this machine")
	}
}

func checkHeader(t *testing.T, file *os.File) {
	for lines := bufio.NewScanner(file); lines.Scan(); {
		m := define.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		nr, _ := strconv.ParseUint(m[2], 10, 64)
		switch r := Lookup(nr); {
		case r == nil:
			t.Errorf("%s (%d) has no row", m[1], nr)
		case r.Name != m[1]:
			t.Errorf("%d is %s, not %s", nr, m[1], r.Name)
		}
	}
}

func TestRowsAreWhole(t *testing.T) {
	last := -1
	for _, r := range Rows() {
		if r.Name == "" || int(r.Nr) <= last {
			t.Errorf("row %d (%s) after %d", r.Nr, r.Name, last)
		}
		last = int(r.Nr)
		if r.Placement == ComeHome && r.Note == "" {
			t.Errorf("%s comes home for no reason", r.Name)
		}
		checkArgs(t, r)
	}
}

func checkArgs(t *testing.T, r *Row) {
	for i, a := range r.Args {
		if a.Kind == Buffer && r.Args[a.Len].Kind != Value {
			t.Errorf("%s: length of argument %d stands in %s", r.Name, i+1, r.Args[a.Len])
		}
		if a.Kind == Buffer && a.Size == 0 || a.Kind == Special && a.plan == nil || a.Kind > None && a.Name == "" {
			t.Errorf("%s: argument %d has no shape", r.Name, i+1)
		}
		if a.Dir&Out != 0 && a.Kind != Special && a.Out == OutNone {
			t.Errorf("%s: argument %d never comes back", r.Name, i+1)
		}
	}
	if limit := r.Timeout; limit.Unit != NoTimeout && r.Args[limit.Arg].Kind == None {
		t.Errorf("%s: no limit in argument %d", r.Name, limit.Arg+1)
	}
}

func TestLookupIsTheKernels(t *testing.T) {
	if Lookup(350) != nil || Lookup(MaxNr+1) != nil || Lookup(512) != nil {
		t.Error("a row in a gap")
	}
	if r := Lookup(1<<32 | 1); r == nil || r.Name != "write" {
		t.Errorf("the upper half of the register counts: %v", r)
	}
}

func TestFormat(t *testing.T) {
	var b bytes.Buffer
	if err := Format(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"read(fd, buf:out[#3], count)", "337-423", "statx(", "restarts+eintr"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in the table", want)
		}
	}
}
