package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/wire/cluster"
	"umosix/wire/control"
)

// exitMosrun is the exit code where mosrun itself failed.
const exitMosrun = 125

// runMosrun tells mosd about this process and becomes the program.
func runMosrun(args []string) int {
	r, err := parseRun(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Print(mosrunHelp)
		return 0
	case errors.Is(err, errAlone):
		fmt.Fprintln(os.Stderr, "mosrun: "+err.Error())
		return exitUsage
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(args[0]), err)
		return exitMosrun
	}
	return r.execute()
}

func (r *run) execute() int {
	target, err := findProgram(r.program, r.hasArgv0, initialEnvironment(os.Environ()))
	if err != nil {
		return r.fail(err)
	}
	client, err := r.register(target)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", r.name, err)
		return exitMosrun
	}
	err = target.exec()
	if client != nil {
		client.Post("/v1/unregister", control.OfPid{Pid: os.Getpid()}, nil)
	}
	return r.fail(err)
}

// fail says why the program does not run, with the exit code of a shell.
func (r *run) fail(err error) int {
	fmt.Fprintf(os.Stderr, "%s: %v\n", r.name, err)
	if errors.Is(err, errNotFound) {
		return 127
	}
	return 126
}

func (r *run) warn(format string, args ...any) {
	if !r.quiet {
		fmt.Fprintf(os.Stderr, r.name+": "+format+"\n", args...)
	}
}

// register makes this process a job. Without a daemon the program runs all the
// same: client is nil then.
func (r *run) register(target *target) (*control.Client, error) {
	client := r.connect()
	if client == nil {
		return nil, nil
	}
	var reporter *os.File
	if r.report != "" || r.options.Warn || r.options.Placed() && !r.quiet {
		var err error
		if reporter, err = r.startReporter(client.Socket); err != nil {
			r.warn("no report: %v", err)
		}
		defer reporter.Close()
	}
	r.options.Pinned = target.untraceable()
	answer := control.Registered{}
	err := client.Post("/v1/jobs", control.Register{
		Pid: os.Getpid(), Program: target.argv[0], Tag: r.tag, Options: r.options,
	}, &answer)
	var failure *control.Failure
	switch {
	case control.Unseen(err):
		r.warn("the program runs at home only: %v", err)
		return nil, nil
	case errors.As(err, &failure):
		return nil, err
	case err != nil:
		r.warn("no daemon answers, the program runs at home only: %v", err)
		return nil, nil
	}
	if reporter != nil && !answer.Nested {
		reporter.WriteString(answer.Job)
	}
	r.follow(client, &answer)
	return client, nil
}

// follow does what mosd's answer asks for.
func (r *run) follow(client *control.Client, answer *control.Registered) {
	if answer.Warning != "" {
		r.warn("%s", answer.Warning)
	}
	if answer.Deputy != 0 {
		r.beSeized(client, answer.Deputy)
	}
	if r.verbose && r.options.Shake > 0 {
		fmt.Fprintf(os.Stderr, "%s: shaking with --seed %d\n", r.name, answer.Seed)
	}
}

// connect finds the daemon. Asking the candidates for no more than a connection
// saves a round trip.
func (r *run) connect() *control.Client {
	client, err := findClient(cluster.SystemEnv(r.state, r.config))
	if err == nil {
		return client
	}
	r.warn("the program runs at home only: %v", err)
	return nil
}

// beSeized lets the deputy trace this process, also where Yama wants that said
// by name (man 2 PR_SET_PTRACER), and waits until it does.
func (r *run) beSeized(client *control.Client, deputy int) {
	unix.Prctl(unix.PR_SET_PTRACER, uintptr(deputy), 0, 0, 0) // fails where there is no Yama
	if err := client.Post("/v1/attach", control.OfPid{Pid: os.Getpid()}, nil); err != nil {
		r.warn("the program starts at home: %s", strings.TrimSpace(err.Error()))
	}
}
