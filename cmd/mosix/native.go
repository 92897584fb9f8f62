package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"umosix/wire/cluster"
	"umosix/wire/control"
)

const nativeUsage = `Usage: native PROGRAM [ARGUMENT ...]

Run a program outside of the job that it is started from: at home, and with all that it
starts nobody's to move. Outside of a job it just runs. Exit status: the program's; 125 if
it cannot leave its job, 126 and 127 as of a shell.

Example, in a script under mosrun:  native make install
`

// runNative takes this process out of its job and becomes the program.
func runNative(args []string) int {
	r := &run{name: filepath.Base(args[0])}
	switch {
	case len(args) > 1 && args[1] == "--help":
		fmt.Print(nativeUsage)
		return 0
	case len(args) > 1 && args[1] == "--":
		r.program = args[2:]
	default:
		r.program = args[1:]
	}
	if len(r.program) == 0 || r.program[0] == "" || len(args) > 1 && args[1] != "--" && args[1][0] == '-' {
		fmt.Fprintf(os.Stderr, "%s: which program? Try: %s --help\n", r.name, r.name)
		return exitMosrun
	}
	target, err := findProgram(r.program, false, initialEnvironment(os.Environ()))
	if err != nil {
		return r.fail(err)
	}
	if err := leaveJob(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", r.name, err)
		return exitMosrun
	}
	return r.fail(target.exec())
}

// leaveJob takes this process out of its job, if it is in one.
func leaveJob() error {
	client, err := findClient(cluster.SystemEnv("", ""))
	if err != nil {
		return nil // without a daemon there are no jobs
	}
	err = client.Post("/v1/leave", control.OfPid{Pid: os.Getpid()}, nil)
	var failure *control.Failure
	if errors.As(err, &failure) && failure.Status == http.StatusNotFound || control.Unseen(err) {
		return nil
	}
	return err
}
