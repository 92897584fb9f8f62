package main

import (
	"bufio"
	"fmt"
	"os"

	"umosix/tracer/abi"
	"umosix/tracer/image"
	"umosix/wire/cluster"
)

type keygenCmd struct {
	Rotate bool `help:"Make a new secret while the old one is still accepted."`
	Force  bool `help:"Replace a secret that is there."`
}

// Run writes the secret.
func (c *keygenCmd) Run(root *mosctlCmd) error {
	path, err := cluster.Keygen{Force: c.Force, Rotate: c.Rotate}.Write(root.env().ConfigHome())
	if err != nil {
		return err
	}
	fmt.Printf("%s: copy it to all nodes\n", path)
	return nil
}

type syscallsCmd struct{}

// Run prints the table.
func (syscallsCmd) Run() error { return abi.Format(os.Stdout) }

type imageCmd struct {
	File string `arg:"" help:"A checkpoint, or any image in a file."`
}

// Run prints what is in it.
func (c *imageCmd) Run() error {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(os.Stdout)
	if err := image.Describe(file, out); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return out.Flush()
}
