package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"umosix/wire/control"
)

type monCmd struct {
	base
	Once bool   `help:"Print a table and exit."`
	JSON bool   `help:"Print one JSON object per node and exit."`
	Web  string `placeholder:"ADDR" help:"Serve a page."`
}

func runMon(args []string) int {
	return runKong(args, "Look at the cluster.", new(monCmd))
}

// Run prints what is known of each node's load.
func (c *monCmd) Run() error {
	if c.Web != "" || !c.Once && !c.JSON {
		return errors.New("the screen and the page: not yet. Try: mon --once or mon --json")
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	var nodes []control.NodeLoad
	if err := client.Get("/v1/nodes", &nodes); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, nodes)
	}
	return printNodes(os.Stdout, nodes)
}

func printNodes(w io.Writer, nodes []control.NodeLoad) error {
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "NODE\tHOST\tSTATE\tLOAD\tSPEED\tCPUS\tMEM\tFREE\tGUESTS\tAWAY")
	for _, n := range nodes {
		fmt.Fprintf(table, "%v\t%s\t%s\t%.2f\t%d\t%d\t%s\t%s\t%d\t%d\n",
			n.Node, n.Host, n.State, n.Load, n.Speed, n.CPUs, size(n.MemTotal), size(n.MemFree), n.Guests, n.Away)
	}
	return table.Flush()
}
