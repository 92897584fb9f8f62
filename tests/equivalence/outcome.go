// Package equivalence owns the oracle of the tests: the same job run natively. Every
// program and some real ones run native, at home, away, moved and shaken, and what
// they print, how they end and the files that they leave must be the same bytes.
package equivalence

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"umosix/tests/harness"
)

// outcome is everything of a run that must not depend on where it ran.
type outcome struct {
	status         string
	stdout, stderr []byte
	files          map[string]string // path to type, mode and content
}

func outcomeOf(r harness.Result, dir string) (outcome, error) {
	files, err := readFiles(dir)
	return outcome{status: r.Status(), stdout: r.Stdout, stderr: r.Stderr, files: files}, err
}

// readFiles reads a tree: regular files with their bytes, links with their targets.
func readFiles(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		content := ""
		switch {
		case info.Mode().IsRegular():
			var data []byte
			data, err = os.ReadFile(path)
			content = string(data)
		case info.Mode()&fs.ModeSymlink != 0:
			content, err = os.Readlink(path)
		}
		files[strings.TrimPrefix(path, dir+"/")] = info.Mode().String() + " " + content
		return err
	})
	return files, err
}

// differences are the lines that say what is not as in the native run.
func (o outcome) differences(native outcome) (list []string) {
	if o.status != native.status {
		list = append(list, fmt.Sprintf("it ended with %s, native with %s", o.status, native.status))
	}
	list = append(list, differentBytes("standard output", o.stdout, native.stdout)...)
	list = append(list, differentBytes("standard error", o.stderr, native.stderr)...)
	for name, want := range native.files {
		got, found := o.files[name]
		if !found {
			list = append(list, fmt.Sprintf("file %s is not there", name))
			continue
		}
		list = append(list, differentBytes("file "+name, []byte(got), []byte(want))...)
	}
	for name := range o.files {
		if _, found := native.files[name]; !found {
			list = append(list, fmt.Sprintf("file %s should not be there", name))
		}
	}
	return list
}

// differentBytes describes the first difference with what is around it.
func differentBytes(what string, got, want []byte) []string {
	if bytes.Equal(got, want) {
		return nil
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	around := func(b []byte) []byte { return b[min(max(at-40, 0), len(b)):min(at+500, len(b))] }
	return []string{fmt.Sprintf("%s differs at byte %d: %d bytes %q, native %d bytes %q",
		what, at, len(got), around(got), len(want), around(want))}
}
