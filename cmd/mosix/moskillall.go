package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

type moskillallCmd struct {
	base
	Job    string `short:"J" placeholder:"ID" help:"Only this job."`
	Signal string `short:"s" default:"TERM" help:"Which signal: a name or a number."`
	All    bool   `short:"a" help:"Jobs of all users (root)."`
}

func runMoskillall(args []string) int {
	return runKong(args, "Send a signal to all processes of the caller's jobs.", new(moskillallCmd))
}

// Run sends.
func (c *moskillallCmd) Run() error {
	signal, err := parseSignal(c.Signal)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	list, err := (&mospsCmd{All: c.All, Job: c.Job}).list(client)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("there is no such job")
	}
	var failed error
	for _, p := range list {
		if err := syscall.Kill(p.Pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			failed = fmt.Errorf("process %d: %w", p.Pid, err)
		}
	}
	return failed
}

func parseSignal(word string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(word); err == nil && n > 0 && n <= 64 {
		return syscall.Signal(n), nil
	}
	name := strings.ToUpper(word)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if signal := unix.SignalNum(name); signal != 0 {
		return signal, nil
	}
	return 0, usagef("%q is not a signal", word)
}
