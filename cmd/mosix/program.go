package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// errNotFound is wrapped where there is no such program: exit 127.
var errNotFound = errors.New("not found")

// defaultPath is where execvp looks when PATH is not set (glibc's _CS_PATH).
const defaultPath = "/bin:/usr/bin"

// target is a program that is about to be executed.
type target struct {
	name  string
	paths []string // where it may be, in order
	argv  []string
	env   []string
}

// findProgram looks a program up as execvp(3) does.
func findProgram(words []string, hasArgv0 bool, env []string) (*target, error) {
	t := &target{name: words[0], argv: words, env: env}
	if hasArgv0 {
		t.argv = words[1:]
	}
	if strings.Contains(t.name, "/") {
		t.paths = []string{t.name}
	} else {
		t.paths = inPath(t.name, env)
	}
	return t, t.check()
}

// inPath lists where a program may be; an empty part of PATH is the current
// directory.
func inPath(name string, env []string) []string {
	path := defaultPath
	for _, entry := range env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			path = value
			break
		}
	}
	var paths []string
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			paths = append(paths, name)
		} else {
			paths = append(paths, dir+"/"+name)
		}
	}
	return paths
}

// check finds out early that there is nothing to execute, so that no job is made
// for it. It leaves out the paths before the first that looks right.
func (t *target) check() error {
	var failure error
	for i, path := range t.paths {
		err := unix.Access(path, unix.X_OK)
		if err == nil && isDir(path) {
			err = unix.EACCES
		}
		if err == nil {
			t.paths = t.paths[i:]
			return nil
		}
		failure = worse(failure, err)
	}
	return t.failed(failure)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// worse keeps the error that says more: a program that may not be executed was
// at least found.
func worse(before, now error) error {
	if before == nil || errors.Is(before, fs.ErrNotExist) {
		return now
	}
	return before
}

func (t *target) failed(err error) error {
	if err == nil || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%s: %w", t.name, errNotFound)
	}
	return fmt.Errorf("%s: %w", t.name, err)
}

// untraceable says why the program can't be traced from its start, or nothing.
func (t *target) untraceable() string {
	var stat unix.Stat_t
	path := t.paths[0]
	if err := unix.Stat(path, &stat); err != nil {
		return ""
	}
	setgid := uint32(unix.S_ISGID | unix.S_IXGRP)
	switch {
	case stat.Mode&unix.S_ISUID != 0 && int(stat.Uid) != os.Getuid(), stat.Mode&setgid == setgid && int(stat.Gid) != os.Getgid():
		return t.name + " runs as another user (setuid or setgid)"
	case hasCapabilities(path):
		return t.name + " has file capabilities"
	case unix.Access(path, unix.R_OK) != nil:
		return t.name + " is not readable"
	}
	return ""
}

func hasCapabilities(path string) bool {
	n, err := unix.Getxattr(path, "security.capability", nil)
	return err == nil && n > 0 && os.Getuid() != 0
}

// exec becomes the program; it returns only on failure. A file that is neither
// binary nor has a #! line is given to the shell, as execvp does.
func (t *target) exec() error {
	restoreSignals()
	var failure error
	for _, path := range t.paths {
		err := syscall.Exec(path, t.argv, t.env)
		if errors.Is(err, syscall.ENOEXEC) {
			argv := append([]string{"/bin/sh", path}, t.argv[1:]...)
			err = syscall.Exec("/bin/sh", argv, t.env)
		}
		failure = worse(failure, err)
		if !passes(err) {
			break
		}
	}
	return t.failed(failure)
}

// passes tells whether execvp goes on with the next part of PATH.
func passes(err error) bool {
	for _, next := range []error{unix.EACCES, unix.ENOENT, unix.ESTALE, unix.ENOTDIR, unix.ENODEV, unix.ETIMEDOUT} {
		if errors.Is(err, next) {
			return true
		}
	}
	return false
}
