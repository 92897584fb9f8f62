package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

type mospsCmd struct {
	base
	All    bool   `short:"a" help:"Jobs of all users."`
	Guests bool   `short:"g" help:"Guests here, with their home."`
	Job    string `short:"J" placeholder:"ID" help:"Only this job."`
	JSON   bool   `help:"As JSON."`
}

func runMosps(args []string) int {
	return runKong(args, "List the jobs of this home and where their processes are.", new(mospsCmd))
}

// Run lists.
func (c *mospsCmd) Run() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	list, err := c.list(client)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, list)
	}
	return c.print(os.Stdout, list)
}

func (c *mospsCmd) list(client *control.Client) ([]control.Process, error) {
	path := "/v1/jobs"
	switch {
	case c.Guests:
		path = "/v1/guests"
	case c.All:
		path = "/v1/jobs?all"
	}
	var all []control.Process
	if err := client.Get(path, &all); err != nil {
		return nil, err
	}
	kept := make([]control.Process, 0, len(all))
	for _, p := range all {
		if c.Job == "" || p.Job == c.Job {
			kept = append(kept, p)
		}
	}
	return kept, nil
}

func (c *mospsCmd) print(w io.Writer, list []control.Process) error {
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	place, placeOf := c.place()
	fmt.Fprintf(table, "PID\t%s\tNMIGS\tLOCK\tPINNED\tSTAT\tTIME\tRSS\tJOB\tCOMMAND\n", place)
	for _, p := range list {
		fmt.Fprintf(table, "%d\t%v\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Pid, placeOf(p), p.Moves,
			yes(p.Lock), orDash(p.Pinned), p.State, cpuTime(p.CPU), size(p.RSS), p.Job, p.Command)
	}
	return table.Flush()
}

// place is the column that tells of jobs where they are, and of guests where they are at home.
func (c *mospsCmd) place() (title string, of func(control.Process) wire.NodeID) {
	if c.Guests {
		return "HOME", func(p control.Process) wire.NodeID { return p.Home }
	}
	return "WHERE", func(p control.Process) wire.NodeID { return p.Where }
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func orDash(text *string) string {
	if text == nil {
		return "-"
	}
	return *text
}

// cpuTime prints seconds as ps does: minutes:seconds.
func cpuTime(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// size prints bytes in the unit that keeps it short.
func size(bytes uint64) string {
	for _, unit := range []string{"", "K", "M", "G"} {
		if bytes < 10_000 {
			return strconv.FormatUint(bytes, 10) + unit
		}
		bytes >>= 10
	}
	return strconv.FormatUint(bytes, 10) + "T"
}

// nodeName prints a node in a sentence.
func nodeName(n wire.NodeID) string {
	if n == wire.Home {
		return "home"
	}
	return "node " + n.String()
}
