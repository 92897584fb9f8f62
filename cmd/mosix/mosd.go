package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"umosix/wire"
	"umosix/wire/cluster"
)

type mosdCmd struct {
	base
	Node      uint16 `placeholder:"N" help:"This node's number, where its addresses do not tell it (mospe)."`
	Map       string `placeholder:"FILE" help:"The map of the cluster (mosix.map)."`
	NoBalance bool   `help:"Move nothing by itself."`
	// FalseClock gives the nodes of one machine different clocks in tests.
	FalseClock time.Duration `hidden:"" placeholder:"DURATION"`
	// WeakCage has guests in tests walled in as on a node without namespaces.
	WeakCage bool `hidden:""`
	Verbose  int  `short:"v" type:"counter" help:"Log more; twice: everything."`
}

func runMosd(args []string) int {
	return runKong(args, "The daemon of a node. It runs in the foreground.", new(mosdCmd))
}

// Run serves until it is told to stop.
func (c *mosdCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	signal.Ignore(syscall.SIGHUP) // the end of a terminal is not the end of a node
	if err := keepDescriptors(); err != nil {
		return err
	}
	dir, err := c.env().EnsureStateDir()
	if err != nil {
		return err
	}
	home, err := claim(dir)
	if err != nil {
		return err
	}
	defer home.release()
	setup, err := c.setup(ctx)
	if err != nil {
		return err
	}
	setup.dir, setup.socket = dir, home.socketPath
	d, err := newDaemon(setup, stop)
	if err != nil {
		return err
	}
	listener, err := home.listen(os.Geteuid() == 0)
	if err != nil {
		return err
	}
	return d.run(ctx, listener)
}

// setup is what a daemon learns from its files before it begins.
type setup struct {
	env         cluster.Env
	dir, socket string
	self        wire.NodeID
	table       *cluster.Map
	conf        cluster.Conf
	ca          *cluster.CA
	log         zerolog.Logger
	level       string
	falseClock  time.Duration
	weakCage    bool
}

// setup reads map, configuration and secret; with a mistake in one of them there
// is no daemon.
func (c *mosdCmd) setup(ctx context.Context) (*setup, error) {
	s := &setup{env: c.env()}
	path, err := c.Map, error(nil)
	if path == "" {
		if path, err = s.env.ConfigFile(cluster.MapName); err != nil {
			return nil, fmt.Errorf("no map: %w: write one, or try mosctl local up", err)
		}
	}
	if s.table, err = cluster.LoadMap(ctx, path); err != nil {
		return nil, err
	}
	if s.self, err = c.number(s.env, s.table); err != nil {
		return nil, err
	}
	if s.conf, err = s.env.LoadConf(); err != nil {
		return nil, err
	}
	if s.ca, err = loadCA(s.env); err != nil {
		return nil, err
	}
	s.log, s.level = c.logger(s.self)
	s.falseClock, s.weakCage = c.FalseClock, c.WeakCage
	return s, nil
}

// number is which node this is.
func (c *mosdCmd) number(env cluster.Env, table *cluster.Map) (wire.NodeID, error) {
	told := wire.NodeID(c.Node)
	if told == wire.Home {
		path, err := env.ConfigFile(cluster.MospeName)
		if err == nil {
			told, err = cluster.LoadMospe(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
	addrs, err := cluster.LocalAddrs()
	if err != nil {
		return 0, err
	}
	return table.Self(addrs, told)
}

func loadCA(env cluster.Env) (*cluster.CA, error) {
	path, err := env.ConfigFile(cluster.SecretName)
	if err != nil {
		return nil, fmt.Errorf("cluster secret: %w: make one with mosctl keygen and copy it to all nodes", err)
	}
	secrets, err := cluster.LoadSecrets(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	return secrets.CA()
}

// logger writes text on a terminal and JSON elsewhere. It also returns the level
// for deputies and executors: they are quieter than mosd.
func (c *mosdCmd) logger(self wire.NodeID) (zerolog.Logger, string) {
	level, halves := zerolog.InfoLevel, zerolog.WarnLevel
	switch {
	case c.Verbose == 1:
		level, halves = zerolog.DebugLevel, zerolog.InfoLevel
	case c.Verbose > 1:
		level, halves = zerolog.TraceLevel, zerolog.TraceLevel
	}
	log := zerolog.New(os.Stderr)
	if _, err := unix.IoctlGetTermios(int(os.Stderr.Fd()), unix.TCGETS); err == nil {
		log = zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: "15:04:05.000"})
	}
	return log.Level(level).With().Timestamp().Int("node", int(self)).Logger(), halves.String()
}
