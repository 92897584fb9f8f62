package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"umosix/deputy/jobs"
)

type doctorCmd struct {
	JSON bool `help:"As JSON."`
}

// check is one thing that the doctor looked at.
type check struct {
	Name string `json:"name"`
	Good bool   `json:"good"`
	Text string `json:"text"`           // what was found
	Mend string `json:"mend,omitempty"` // what to do about it
}

// errUnwell ends a visit at which something was found.
var errUnwell = errors.New("something is not as it should be")

// Run looks at everything and says what to do.
func (c *doctorCmd) Run(root *mosctlCmd) error {
	checks := []check{checkTracing(), checkDaemon(root)}
	unwell := false
	for _, each := range checks {
		unwell = unwell || !each.Good
	}
	if c.JSON {
		if err := printJSON(os.Stdout, checks); err != nil {
			return err
		}
	} else {
		printChecks(checks)
	}
	if unwell {
		return errUnwell
	}
	return nil
}

func printChecks(checks []check) {
	for _, each := range checks {
		mark := "ok  "
		if !each.Good {
			mark = "BAD "
		}
		fmt.Printf("%s%s: %s\n", mark, each.Name, each.Text)
		if each.Mend != "" {
			fmt.Printf("      %s\n", each.Mend)
		}
	}
}

// checkTracing looks at Yama.
func checkTracing() check {
	c := check{Name: "tracing", Good: true, Text: "any own process, at any time"}
	switch jobs.ProbeAttach() {
	case jobs.AttachEarly:
		c.Text = "only from a program's start (kernel.yama.ptrace_scope is 1)"
		c.Mend = "sysctl kernel.yama.ptrace_scope=0 lets programs be moved that were not traced from their start"
	case jobs.AttachNone:
		c.Good, c.Text = false, "forbidden (kernel.yama.ptrace_scope is 2 or 3)"
		c.Mend = "sysctl kernel.yama.ptrace_scope=1 or 0; without it nothing can leave this machine"
	}
	return c
}

// checkDaemon asks the daemon whom it sees.
func checkDaemon(root *mosctlCmd) check {
	status, err := root.status()
	if err != nil {
		return check{Name: "daemon", Text: oneLine(err)}
	}
	up := 0
	for _, p := range status.Peers {
		if p.Up {
			up++
		}
	}
	c := check{Name: "daemon", Good: up > 0 || len(status.Peers) == 0,
		Text: fmt.Sprintf("node %v sees %d of %d other nodes, on %d CPUs", status.Node, up, len(status.Peers), runtime.NumCPU())}
	if !c.Good {
		c.Mend = "is the port open (TCP and UDP " + status.Listen + "), the secret the same, mosd running there?"
	}
	return c
}
