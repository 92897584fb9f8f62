package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"umosix/wire/cluster"
	"umosix/wire/control"
)

// localCmd is a try-out cluster on loopback addresses. All of it lies in one
// directory: a configuration, and a state directory for each node.
type localCmd struct {
	Up   localUpCmd   `cmd:"" help:"Start N daemons (2 by default)."`
	Down localDownCmd `cmd:"" help:"End them and remove everything."`
	Env  localEnvCmd  `cmd:"" help:"Print the line that makes a shell speak to a node."`
}

// The bounds of a try-out cluster.
const (
	maxLocal     = 100
	lastPort     = cluster.DefaultPort + 1000
	localTimeout = 10 * time.Second
	localConfig  = "config"
)

type localUpCmd struct {
	N       int `arg:"" optional:"" default:"2" help:"How many nodes."`
	Verbose int `short:"v" type:"counter" help:"Daemons that log more; twice: everything."`
}

// Run starts the cluster and waits until all nodes see each other.
func (c *localUpCmd) Run(root *mosctlCmd) error {
	if c.N < 1 || c.N > maxLocal {
		return usagef("%d nodes: a try-out cluster has 1 to %d", c.N, maxLocal)
	}
	dir, err := root.env().LocalDir()
	if err != nil {
		return err
	}
	if running := localRunning(dir); running > 0 {
		return fmt.Errorf("a try-out cluster with %d daemons is up already: mosctl local down ends it", running)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	l := local{dir: dir, n: c.N, verbose: c.Verbose}
	if err := l.up(); err != nil {
		l.down()
		return err
	}
	fmt.Printf("%d nodes are up. Try: mosrun -2 hostname; mosps; eval `mosctl local env 2`; mosctl local down\n", c.N)
	return nil
}

// local is a try-out cluster.
type local struct {
	dir     string
	n       int
	verbose int
}

func (l *local) up() error {
	if err := l.configure(); err != nil {
		return err
	}
	if err := keepDescriptors(); err != nil {
		return err
	}
	for i := 1; i <= l.n; i++ {
		if err := l.start(i); err != nil {
			return err
		}
	}
	return l.await()
}

// configure writes the files that all nodes share.
func (l *local) configure() error {
	dir := filepath.Join(l.dir, localConfig)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	port, err := freePort(l.n)
	if err != nil {
		return err
	}
	var table strings.Builder
	for i := 1; i <= l.n; i++ {
		fmt.Fprintf(&table, "%d %s:%d 1\n", i, localAddress(i), port)
	}
	if err := os.WriteFile(filepath.Join(dir, cluster.MapName), []byte(table.String()), 0o644); err != nil {
		return err
	}
	conf := fmt.Sprintf("root-ok 1-%d\n", l.n)
	if err := os.WriteFile(filepath.Join(dir, cluster.ConfName), []byte(conf), 0o644); err != nil {
		return err
	}
	_, err = cluster.Keygen{}.Write(dir)
	return err
}

func localAddress(i int) string { return fmt.Sprintf("127.0.0.%d", i) }

// freePort is the first port from the default one on that nobody uses on the
// addresses of n nodes.
func freePort(n int) (int, error) {
	for port := cluster.DefaultPort; port <= lastPort; port++ {
		if portIsFree(n, port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port from %d to %d is free on loopback", cluster.DefaultPort, lastPort)
}

func portIsFree(n, port int) bool {
	for i := 1; i <= n; i++ {
		at := net.JoinHostPort(localAddress(i), strconv.Itoa(port))
		tcp, err := net.Listen("tcp", at)
		if err != nil {
			return false
		}
		tcp.Close()
		udp, err := net.ListenPacket("udp", at)
		if err != nil {
			return false
		}
		udp.Close()
	}
	return true
}

func (l *local) state(i int) string { return filepath.Join(l.dir, strconv.Itoa(i)) }

func (l *local) logPath(i int) string { return filepath.Join(l.dir, fmt.Sprintf("mosd-%d.log", i)) }

// start runs one daemon in a session of its own.
func (l *local) start(i int) error {
	log, err := os.Create(l.logPath(i))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", "mosd", "--node", strconv.Itoa(i), "--state", l.state(i),
		"--config", filepath.Join(l.dir, localConfig))
	for range l.verbose {
		cmd.Args = append(cmd.Args, "-v")
	}
	cmd.Args[0] = "mosix"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting node %d: %w", i, err)
	}
	return cmd.Process.Release()
}

// await waits until every daemon answers and sees all the others.
func (l *local) await() error {
	end := time.Now().Add(localTimeout)
	for i := 1; i <= l.n; {
		err := l.sees(i)
		if err == nil {
			i++
			continue
		}
		if time.Now().After(end) {
			return fmt.Errorf("node %d: %w within %v%s", i, err, localTimeout, l.lastLine(i))
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

// sees tells whether a daemon sees all the others.
func (l *local) sees(i int) error {
	socket, err := cluster.SocketPath(l.state(i))
	if err != nil {
		return err
	}
	var status control.Status
	client := control.Client{Socket: socket, Timeout: time.Second}
	if err := client.Get("/v1/status", &status); err != nil {
		return errors.New("it is not ready")
	}
	for _, p := range status.Peers {
		if !p.Up {
			return fmt.Errorf("it does not see node %v", p.Node)
		}
	}
	return nil
}

// lastLine is the end of a daemon's log, for the error.
func (l *local) lastLine(i int) string {
	text, err := os.ReadFile(l.logPath(i))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if last := lines[len(lines)-1]; err == nil && last != "" {
		return ": " + last
	}
	return ""
}

type localDownCmd struct{}

// Run ends the cluster; that there is none is no error.
func (localDownCmd) Run(root *mosctlCmd) error {
	dir, err := root.env().LocalDir()
	if err != nil {
		return err
	}
	return (&local{dir: dir}).down()
}

// down ends all daemons at once, so that each finds the others while it sends
// guests away, then removes the directory.
func (l *local) down() error {
	var daemons []*localDaemon
	for _, dir := range localStates(l.dir) {
		if d := findLocalDaemon(dir); d != nil {
			daemons = append(daemons, d)
		}
	}
	for _, d := range daemons {
		syscall.Kill(d.pid, syscall.SIGTERM)
	}
	var failed error
	for _, d := range daemons {
		failed = errors.Join(failed, d.await())
	}
	if failed != nil {
		return failed
	}
	if err := os.RemoveAll(l.dir); err != nil {
		return err
	}
	os.Remove(filepath.Dir(l.dir)) // ours, unless something else is in it
	return nil
}

type localEnvCmd struct {
	N int `arg:"" optional:"" default:"1" help:"Which node."`
}

// Run prints a line for eval.
func (c *localEnvCmd) Run(root *mosctlCmd) error {
	dir, err := root.env().LocalNode(c.N)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no node %d in the try-out cluster: mosctl local up %d makes it", c.N, max(c.N, 2))
	}
	fmt.Printf("export MOSIX_STATE=%s\n", shellWord(dir))
	return nil
}

// shellWord quotes a path for a shell where it needs that.
func shellWord(path string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+"
	if strings.Trim(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
