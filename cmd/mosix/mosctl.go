package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"umosix/wire"
	"umosix/wire/cluster"
	"umosix/wire/control"
)

// mosctlCmd is the tree of mosctl; the words that only set a flag share a type.
type mosctlCmd struct {
	base
	Local  localCmd  `cmd:"" help:"A try-out cluster on this machine: up [N], down, env [N]."`
	Status statusCmd `cmd:"" help:"What a node is and whom it sees."`
	Keygen keygenCmd `cmd:"" help:"Write a new cluster secret."`
	Doctor doctorCmd `cmd:"" help:"Check this machine and say how to mend it."`
	Whois  whoisCmd  `cmd:"" help:"Tell the number and the host of a node."`
	Isup   isupCmd   `cmd:"" help:"Tell whether a node is up (exit 0 or 1)."`
	Why    whyCmd    `cmd:"" help:"Tell why a process is where it is."`

	Stay    onCmd  `cmd:"" help:"Own processes do not leave by themselves (nostay: they do)."`
	Nostay  offCmd `cmd:"" hidden:"" help:"Own processes leave by themselves again."`
	Lstay   onCmd  `cmd:"" help:"Own processes at home do not leave by themselves (nolstay)."`
	Nolstay offCmd `cmd:"" hidden:"" help:"Own processes at home leave by themselves again."`
	Block   onCmd  `cmd:"" help:"Take no guests in (noblock)."`
	Noblock offCmd `cmd:"" hidden:"" help:"Take guests in again."`
	Quiet_  onCmd  `cmd:"" name:"quiet" help:"Tell other nodes no load (noquiet)."`
	Noquiet offCmd `cmd:"" hidden:"" help:"Tell other nodes the load again."`

	Expel  expelCmd `cmd:"" help:"Send all guests away and block."`
	Bring  bringCmd `cmd:"" help:"Bring all own processes home and lstay."`
	Lock   lockCmd  `cmd:"" help:"Lock a process where it is (unlock)."`
	Unlock lockCmd  `cmd:"" hidden:"" help:"Unlock a process."`

	Getload  loadCmd `cmd:"" help:"Load of a node (getspeed, getmem, getfree, getutil)."`
	Getspeed loadCmd `cmd:"" hidden:"" help:"Speed of a node (10000 is the standard)."`
	Getmem   loadCmd `cmd:"" hidden:"" help:"Memory of a node, in bytes."`
	Getfree  loadCmd `cmd:"" hidden:"" help:"Free memory of a node, in bytes."`
	Getutil  loadCmd `cmd:"" hidden:"" help:"Utilisation of a node's CPUs, from 0 to 1."`

	Syscalls syscallsCmd `cmd:"" help:"Print the table of system calls."`
	Image    imageCmd    `cmd:"" help:"Print what is in a checkpoint."`

	Mfs      laterCmd `cmd:"" hidden:""`
	Nomfs    laterCmd `cmd:"" hidden:""`
	Setspeed laterCmd `cmd:"" hidden:""`
	Getdecay laterCmd `cmd:"" hidden:""`
	Setdecay laterCmd `cmd:"" hidden:""`
	Getyard  laterCmd `cmd:"" hidden:""`
	Setyard  laterCmd `cmd:"" hidden:""`
	Gettune  laterCmd `cmd:"" hidden:""`
}

func runMosctl(args []string) int {
	return runKong(args, "Administer a node.", new(mosctlCmd))
}

// laterCmd is a word of a later release.
type laterCmd struct {
	Words []string `arg:"" optional:""`
}

// Run says so.
func (laterCmd) Run() error { return errors.New("not yet: this release does not have it") }

// onCmd and offCmd set and clear the flag that their name says.
type onCmd struct{}

// Run sets the flag.
func (onCmd) Run(root *mosctlCmd, word commandWord) error { return root.setFlag(string(word), true) }

type offCmd struct{}

// Run clears the flag.
func (offCmd) Run(root *mosctlCmd, word commandWord) error {
	return root.setFlag(string(word)[len("no"):], false)
}

func (c *mosctlCmd) setFlag(flag string, on bool) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return client.Post("/v1/flags", control.SetFlag{Flag: flag, On: on}, nil)
}

type expelCmd struct{}

// Run blocks first, so that no guest comes in while others leave.
func (expelCmd) Run(root *mosctlCmd) error { return root.flagThen("block", "/v1/expel") }

type bringCmd struct{}

// Run sets lstay first, so that no process leaves while others come home.
func (bringCmd) Run(root *mosctlCmd) error { return root.flagThen("lstay", "/v1/bring") }

func (c *mosctlCmd) flagThen(flag, path string) error {
	if err := c.setFlag(flag, true); err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	client.Timeout = moveTimeout
	return client.Post(path, control.Empty{}, nil)
}

type lockCmd struct {
	Pid int `arg:"" help:"Home pid."`
}

// Run locks or unlocks.
func (c *lockCmd) Run(root *mosctlCmd, word commandWord) error {
	client, err := root.client()
	if err != nil {
		return err
	}
	return client.Post("/v1/lock", control.SetLock{Pid: c.Pid, On: word == "lock"}, nil)
}

type whyCmd struct {
	Pid  int  `arg:"" help:"Home pid."`
	JSON bool `help:"As JSON."`
}

// Run asks for the reason.
func (c *whyCmd) Run(root *mosctlCmd) error {
	client, err := root.client()
	if err != nil {
		return err
	}
	var reason control.Reason
	if err := client.Get("/v1/why/"+strconv.Itoa(c.Pid), &reason); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, reason)
	}
	fmt.Printf("process %d is at %s: %s\n", reason.Pid, nodeName(reason.Where), reason.Text)
	return nil
}

type isupCmd struct {
	Node string `arg:"" help:"A node number."`
}

// errDown has been said already by the exit code.
var errDown = errors.New("down")

// Run asks whether the node is up.
func (c *isupCmd) Run(root *mosctlCmd) error {
	node, err := cluster.ParseNode(c.Node)
	if err != nil {
		return usageError{err}
	}
	client, err := root.client()
	if err != nil {
		return err
	}
	var answer control.IsUp
	if err := client.Get("/v1/isup/"+node.String(), &answer); err != nil {
		return err
	}
	if !answer.Up {
		return fmt.Errorf("node %v is %w", node, errDown)
	}
	fmt.Printf("node %v is up\n", node)
	return nil
}

type whoisCmd struct {
	Node string `arg:"" optional:"" help:"A node number or a host; all nodes without."`
	JSON bool   `help:"As JSON."`
}

// Run prints nodes with their hosts.
func (c *whoisCmd) Run(root *mosctlCmd) error {
	list, err := root.nodes()
	if err != nil {
		return err
	}
	type line struct {
		Node wire.NodeID `json:"node"`
		Host string      `json:"host"`
	}
	var found []line
	for _, n := range list {
		if c.Node == "" || c.Node == n.Node.String() || c.Node == n.Host {
			found = append(found, line{n.Node, n.Host})
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("there is no node %q in the map", c.Node)
	}
	if c.JSON {
		return printJSON(os.Stdout, found)
	}
	for _, l := range found {
		fmt.Printf("%v %s\n", l.Node, l.Host)
	}
	return nil
}

func (c *mosctlCmd) nodes() ([]control.NodeLoad, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	var list []control.NodeLoad
	return list, client.Get("/v1/nodes", &list)
}

type loadCmd struct {
	Node string `arg:"" optional:"" help:"A node number; this node without."`
}

// Run prints one number.
func (c *loadCmd) Run(root *mosctlCmd, word commandWord) error {
	node := c.Node
	if node == "" {
		status, err := root.status()
		if err != nil {
			return err
		}
		node = status.Node.String()
	}
	list, err := root.nodes()
	if err != nil {
		return err
	}
	for _, n := range list {
		if n.Node.String() != node {
			continue
		}
		if n.Age < 0 {
			return fmt.Errorf("node %s: nothing was heard of it", node)
		}
		fmt.Println(number(n, string(word)))
		return nil
	}
	return fmt.Errorf("there is no node %q in the map", node)
}

// number is what a get word asks for.
func number(n control.NodeLoad, word string) any {
	switch word {
	case "getspeed":
		return n.Speed
	case "getmem":
		return n.MemTotal
	case "getfree":
		return n.MemFree
	case "getutil":
		return n.Utilisation
	}
	return n.Load
}
