package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"umosix/wire/cluster"
	"umosix/wire/control"
)

// moveTimeout bounds how long migrate waits for mosd, which has its own bound.
const moveTimeout = 15 * time.Minute

type migrateCmd struct {
	base
	Process string `arg:"" name:"PID" help:"Home pid, or NODE:PID for a guest here of that home."`
	To      string `arg:"" name:"WHERE" help:"A node number or host, home, out, balance, freeze, continue, or checkpoint FILE."`
	File    string `arg:"" optional:"" name:"FILE" help:"For checkpoint."`
	JSON    bool   `help:"Answer as JSON."`
	Verbose bool   `short:"v" help:"Tell freeze time, bytes and total time."`
}

func runMigrate(args []string) int {
	return runKong(args, "Move a running process and wait until it is there.", new(migrateCmd))
}

// Run moves, freezes or lets go on.
func (c *migrateCmd) Run() error {
	req, err := c.request()
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	client.Timeout = moveTimeout
	switch c.To {
	case "freeze", "continue":
		return client.Post("/v1/freeze", control.Hold{Pid: req.Pid, On: c.To == "freeze"}, nil)
	case "checkpoint":
		return fmt.Errorf("checkpoint: not yet: this release does not have it")
	}
	var moved control.Migrated
	if err := client.Post("/v1/move", req, &moved); err != nil {
		return err
	}
	return c.tell(moved)
}

func (c *migrateCmd) request() (control.Migrate, error) {
	word := c.Process
	req := control.Migrate{To: c.To}
	if home, pid, ok := strings.Cut(word, ":"); ok {
		node, err := cluster.ParseNode(home)
		if err != nil {
			return req, usagef("%q is not NODE:PID: %v", word, err)
		}
		req.Home, word = node, pid
	}
	pid, err := strconv.Atoi(word)
	if err != nil || pid <= 0 {
		return req, usagef("%q is not a process number", word)
	}
	req.Pid = pid
	if c.File != "" && c.To != "checkpoint" {
		return req, usagef("unexpected word %q", c.File)
	}
	return req, nil
}

func (c *migrateCmd) tell(moved control.Migrated) error {
	if c.JSON {
		return printJSON(os.Stdout, moved)
	}
	if c.Verbose {
		fmt.Fprintf(os.Stderr, "process %d: %s to %s: frozen %.1f ms, %d bytes, %.1f ms in all\n",
			moved.Pid, nodeName(moved.From), nodeName(moved.To), 1e3*moved.Freeze, moved.Bytes, 1e3*moved.Total)
	}
	return nil
}
