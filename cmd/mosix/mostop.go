package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"umosix/wire"
	"umosix/wire/control"
)

type mostopCmd struct {
	mospsCmd
	Delay float64 `short:"d" default:"2" placeholder:"SECS" help:"Seconds between two looks."`
	Count int     `short:"n" placeholder:"N" help:"End after N looks; 0: never."`
	Batch bool    `short:"b" help:"Print one list after the other; so it is where the output is no terminal."`
}

func runMostop(args []string) int {
	return runKong(args, "Show the jobs of this home, the busiest first, again and again. q or Ctrl-C ends it, any other key looks at once.", new(mostopCmd))
}

// Run shows the list until it has been shown often enough.
func (c *mostopCmd) Run() error {
	if c.Delay < 0.1 || c.Count < 0 {
		return usagef("the delay must be 0.1 s at least and the count not negative")
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	keys := watchKeys(os.Stdin)
	return errors.Join(c.watch(client, keys), keys.leave(os.Stdin))
}

// watch shows the list until the user wants no more.
func (c *mostopCmd) watch(client *control.Client, keys *keys) error {
	var last []control.Process
	seen := time.Now()
	pause := time.Duration(c.Delay * float64(time.Second))
	for i := 0; c.Count == 0 || i < c.Count; i++ {
		if i > 0 && keys.rest(pause) {
			return nil
		}
		between := time.Since(seen)
		seen = seen.Add(between)
		list, err := c.list(client)
		if err != nil {
			return err
		}
		if c.JSON {
			err = printJSON(os.Stdout, list)
		} else {
			err = c.show(os.Stdout, list, busy(last, list, between))
		}
		if err != nil {
			return err
		}
		last = list
	}
	return nil
}

// busy is the share of a processor, in percent, that processes have used between two
// lists, by pid.
func busy(last, now []control.Process, between time.Duration) map[int]float64 {
	share := map[int]float64{}
	for _, p := range now {
		i := slices.IndexFunc(last, func(q control.Process) bool { return q.Pid == p.Pid && q.Job == p.Job })
		if i >= 0 {
			share[p.Pid] = max(0, 100*(p.CPU-last[i].CPU)/between.Seconds())
		}
	}
	return share
}

// show prints a list, on a terminal in the place of the one before and as far as it fits.
func (c *mostopCmd) show(w *os.File, list []control.Process, share map[int]float64) error {
	slices.SortStableFunc(list, func(p, q control.Process) int {
		return cmp.Or(cmp.Compare(share[q.Pid], share[p.Pid]), cmp.Compare(q.CPU, p.CPU))
	})
	away := 0
	for _, p := range list {
		if p.Where != wire.Home {
			away++
		}
	}
	all := len(list)
	if size, err := unix.IoctlGetWinsize(int(w.Fd()), unix.TIOCGWINSZ); err == nil && !c.Batch {
		const clear = "\x1b[H\x1b[J"
		fmt.Fprint(w, clear)
		if rows := int(size.Row) - 4; rows > 0 && len(list) > rows {
			list = list[:rows]
		}
	}
	fmt.Fprintf(w, "%s  %d processes, %d away\n\n", time.Now().Format(time.TimeOnly), all, away)
	return c.table(w, list, share)
}

func (c *mostopCmd) table(w io.Writer, list []control.Process, share map[int]float64) error {
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	place, placeOf := c.place()
	fmt.Fprintf(table, "PID\t%s\tNMIGS\tSTAT\t%%CPU\tTIME\tRSS\tJOB\tCOMMAND\n", place)
	for _, p := range list {
		fmt.Fprintf(table, "%d\t%v\t%d\t%s\t%.0f\t%s\t%s\t%s\t%s\n",
			p.Pid, placeOf(p), p.Moves, p.State, share[p.Pid], cpuTime(p.CPU), size(p.RSS), p.Job, p.Command)
	}
	return table.Flush()
}
