// Package programs owns the guests of the tests: small C programs, one behaviour
// each, that set something up, go on for a given time while they may be moved,
// verify, and print the same bytes wherever they run.
//
// The first lines of a program are its description and directives:
//
//	// build: dynamic static musl   (dynamic if there is none)
//	// flags: -lm                   more flags for the compiler
//	// exit: 7 or SIGSEGV           how it ends (0 if there is none)
//	// stdin: slow or tty           what it reads (nothing if there is none)
//	// users: differ                it prints other things for another user
package programs

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tests/harness"
)

//go:embed c/*.c c/*.h
var sources embed.FS

// Build is how a program is linked.
type Build string

// The builds.
const (
	Dynamic Build = "dynamic" // against glibc's shared library
	Static  Build = "static"  // with glibc
	Musl    Build = "musl"    // with musl, static
)

// Input is what a program reads.
type Input string

// The inputs.
const (
	NoInput Input = ""     // /dev/null
	Slow    Input = "slow" // a pipe that is fed with pauses, and closed
	Tty     Input = "tty"  // a terminal with lines typed one by one, and closed
)

// Program is one program in one build, compiled.
type Program struct {
	Name     string // of the source, and "/static" or "/musl"
	About    string // its first line
	Path     string // of the binary
	Build    Build
	Exit     int            // expected status, or -1
	Signal   syscall.Signal // expected end by a signal, or 0
	Input    Input
	Personal bool // it prints other things for another user
	Timed    bool // it checks how late it is
	Noting   bool // it notes what each of many calls gives (calls.h)
}

// source is a parsed C file.
type source struct {
	Program
	file   string
	builds []Build
	flags  []string
}

// compileLimit bounds one run of the compiler.
const compileLimit = time.Minute

// All compiles every program in every build that it asks for into dir, which users
// of all programs can read, and returns them by name.
func All(dir string) ([]Program, error) { return compile(dir, func(string) bool { return true }) }

// Named compiles the dynamic builds of some programs.
func Named(dir string, names ...string) (map[string]Program, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	list, err := compile(dir, func(name string) bool { return wanted[name] })
	if err != nil {
		return nil, err
	}
	found := map[string]Program{}
	for _, p := range list {
		found[p.Name] = p
	}
	for _, name := range names {
		if found[name].Path == "" {
			return nil, fmt.Errorf("there is no program %q", name)
		}
	}
	return found, nil
}

// Matching compiles the builds of which wanted tells by name.
func Matching(dir string, wanted func(name string) bool) ([]Program, error) {
	return compile(dir, wanted)
}

// compile builds what wanted tells by name, two compilers at a time.
func compile(dir string, wanted func(name string) bool) ([]Program, error) {
	if err := unpack(dir); err != nil {
		return nil, err
	}
	all, err := parseAll()
	if err != nil {
		return nil, err
	}
	var list []Program
	var work []func() error
	for _, s := range all {
		for _, b := range s.builds {
			p := s.in(b, dir)
			if wanted(p.Name) {
				list = append(list, p)
				work = append(work, func() error { return s.compile(p, dir) })
			}
		}
	}
	return list, inParallel(work)
}

func inParallel(work []func() error) error {
	errs := make([]error, len(work))
	var group sync.WaitGroup
	slots := make(chan struct{}, 2)
	for i, f := range work {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = f()
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// unpack writes the sources to dir/src.
func unpack(dir string) error {
	target := filepath.Join(dir, "src")
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	return fs.WalkDir(sources, "c", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := sources.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(target, path.Base(name)), text, 0o644)
	})
}

func parseAll() (list []source, err error) {
	names, err := fs.Glob(sources, "c/*.c")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := sources.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s, err := parse(path.Base(name), string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// parse reads the comment lines at the top of a program.
func parse(file, text string) (s source, err error) {
	s.file, s.Name = file, strings.TrimSuffix(file, ".c")
	s.Timed = strings.Contains(text, "on_time(")
	s.Noting = strings.Contains(text, `#include "calls.h"`)
	for _, line := range strings.Split(text, "\n") {
		line, comment := strings.CutPrefix(line, "// ")
		if !comment {
			break
		}
		key, value, found := strings.Cut(line, ": ")
		switch {
		case found && key == "build":
			for _, b := range strings.Fields(value) {
				s.builds = append(s.builds, Build(b))
			}
		case found && key == "flags":
			s.flags = strings.Fields(value)
		case found && key == "stdin":
			s.Input = Input(value)
		case found && key == "users":
			s.Personal = value == "differ"
		case found && key == "exit":
			err = s.parseExit(value)
		case s.About == "":
			s.About = line
		}
	}
	if len(s.builds) == 0 {
		s.builds = []Build{Dynamic}
	}
	if s.About == "" {
		return s, errors.New("the first line does not say what it does")
	}
	return s, err
}

func (p *Program) parseExit(value string) (err error) {
	if p.Signal = unix.SignalNum(value); p.Signal != 0 {
		p.Exit = -1
		return nil
	}
	p.Exit, err = strconv.Atoi(value)
	return err
}

// in is the program of the source in one build.
func (s source) in(b Build, dir string) Program {
	p := s.Program
	p.Build = b
	p.Path = filepath.Join(dir, p.Name)
	if b != Dynamic {
		p.Name += "/" + string(b)
		p.Path += "-" + string(b)
	}
	return p
}

// Compile builds one more C program, a text of the test's own, as dir/name.
func Compile(dir, name string, text []byte, flags ...string) (string, error) {
	if err := unpack(dir); err != nil { // it may include guest.h
		return "", err
	}
	file := name + ".c"
	if err := os.WriteFile(filepath.Join(dir, "src", file), text, 0o644); err != nil {
		return "", err
	}
	p := Program{Path: filepath.Join(dir, name)}
	return p.Path, source{file: file, flags: flags}.compile(p, dir)
}

func (s source) compile(p Program, dir string) error {
	line := []string{"gcc"}
	switch p.Build {
	case Static:
		line = append(line, "-static")
	case Musl:
		line = []string{"musl-gcc", "-static"}
	}
	line = append(line, "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-infinite-recursion", "-D_GNU_SOURCE",
		"-I", filepath.Join(dir, "src"), "-o", p.Path, filepath.Join(dir, "src", s.file))
	out, err := harness.RunHelper(compileLimit, nil, append(line, s.flags...)...)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
