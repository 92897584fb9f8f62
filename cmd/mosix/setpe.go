package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"umosix/wire/cluster"
	"umosix/wire/control"
)

type setpeCmd struct {
	base
	Write bool   `short:"w" help:"Take this map."`
	Force bool   `short:"W" help:"Take this map, whatever is away."`
	Check bool   `short:"c" help:"Only check the map."`
	Read  bool   `short:"r" help:"Print the map in use."`
	Off   bool   `help:"Leave the cluster."`
	Node  int    `short:"p" placeholder:"N" help:"Own number."`
	File  string `short:"f" placeholder:"FILE" help:"The map."`
}

func runSetpe(args []string) int {
	for i, word := range args { // as it was always written
		if word == "-off" {
			args[i] = "--off"
		}
	}
	return runKong(args, "Check, show or take the map of the cluster.", new(setpeCmd))
}

// Run does the one thing that was asked.
func (c *setpeCmd) Run() error {
	switch {
	case c.Check && c.File != "":
		return c.check()
	case c.Check:
		return usagef("-c needs -f FILE")
	case c.Read:
		return c.print()
	case c.Write, c.Force, c.Off, c.Node != 0:
		return errors.New("not yet: change mosix.map and start mosd again")
	}
	return usagef("one of -c, -r, -w, -W, --off")
}

func (c *setpeCmd) check() error {
	table, err := cluster.LoadMap(context.Background(), c.File)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d nodes\n", c.File, len(table.Nodes()))
	return nil
}

func (c *setpeCmd) print() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	var status control.Status
	if err := client.Get("/v1/status", &status); err != nil {
		return err
	}
	text, err := os.ReadFile(status.Map)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}
