package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"umosix/wire/control"
)

type statusCmd struct {
	Node string `arg:"" optional:"" help:"Only what this node knows of that node."`
	JSON bool   `help:"As JSON."`
}

func (c *mosctlCmd) status() (control.Status, error) {
	var status control.Status
	client, err := c.client()
	if err != nil {
		return status, err
	}
	return status, client.Get("/v1/status", &status)
}

// Run prints the status of this node, or what it knows of another.
func (c *statusCmd) Run(root *mosctlCmd) error {
	status, err := root.status()
	if err != nil {
		return err
	}
	if c.Node != "" && c.Node != status.Node.String() {
		return c.other(status.Peers)
	}
	if c.JSON {
		return printJSON(os.Stdout, status)
	}
	return printStatus(os.Stdout, &status)
}

func (c *statusCmd) other(peers []control.Neighbour) error {
	for _, p := range peers {
		if p.Node.String() != c.Node && p.Host != c.Node {
			continue
		}
		if c.JSON {
			return printJSON(os.Stdout, p)
		}
		fmt.Printf("node %v (%s): %s\n", p.Node, p.Host, upOrDown(p))
		return nil
	}
	return fmt.Errorf("there is no node %q in the map", c.Node)
}

func printStatus(w io.Writer, s *control.Status) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	flags, cage := strings.Join(s.Flags, " "), s.Cage
	if flags == "" {
		flags = "none"
	}
	if cage == "" {
		cage = "no guest has been here"
	}
	fmt.Fprintf(table, "node\t%v (mosd %s, pid %d)\n", s.Node, s.Version, s.Pid)
	fmt.Fprintf(table, "listen\t%s\nmap\t%s\nstate\t%s\n", s.Listen, s.Map, s.StateDir)
	fmt.Fprintf(table, "flags\t%s\nguests\t%d\naway\t%d\nattach\t%s\ncage\t%s\n", flags, s.Guests, s.Away, s.Attach, cage)
	for _, p := range s.Peers {
		fmt.Fprintf(table, "peer\t%v (%s): %s\n", p.Node, p.Host, upOrDown(p))
	}
	return table.Flush()
}

func upOrDown(p control.Neighbour) string {
	age := time.Duration(p.Age) * time.Millisecond
	switch {
	case p.Age < 0:
		return "down, nothing was heard of it"
	case p.Up:
		return fmt.Sprintf("up, heard of %v ago", age)
	}
	return fmt.Sprintf("down, last heard of %v ago", age.Round(time.Second))
}
