package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// initName is the name under which the test binary runs as the init of a node.
const initName = "umosix-test-init"

// Descriptors of an init: a pipe that is closed when the node shall end, and one
// that takes a byte when the node is made.
const (
	endFd   = 3
	readyFd = 4
)

// initPlan is what an init does before it says that it is ready; the zero value
// only holds the namespaces.
type initPlan struct {
	Host   string   // host name
	Hosts  string   // file to be seen as /etc/hosts
	Shared string   // directory below /tmp of which only Keep is seen
	Keep   []string // directories that stay visible at their own paths
}

func isInit() bool { return len(os.Args) == 2 && os.Args[0] == initName }

// runInit is the life of an init: it makes the node's view of the file system,
// reaps whatever becomes its child, and ends when the test closes the pipe.
func runInit() {
	var plan initPlan
	if err := json.Unmarshal([]byte(os.Args[1]), &plan); err != nil {
		fail("read the plan", err)
	}
	if plan.Host != "" {
		if err := plan.carryOut(); err != nil {
			fail("make node "+plan.Host, err)
		}
	}
	ready := os.NewFile(readyFd, "ready")
	if _, err := ready.Write([]byte{1}); err != nil {
		fail("report", err)
	}
	ready.Close()
	syscall.CloseOnExec(endFd)
	if os.Getpid() == 1 {
		go reapAll()
	}
	_, _ = os.NewFile(endFd, "end").Read(make([]byte, 1))
	os.Exit(0)
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(1)
}

// reapAll waits for children forever; without any it sleeps until SIGCHLD.
func reapAll() {
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGCHLD)
	for {
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if pid <= 0 || err != nil {
				break
			}
		}
		<-changes
	}
}

func (p initPlan) carryOut() error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Sethostname([]byte(p.Host)); err != nil {
		return err
	}
	if err := unix.Mount(p.Hosts, "/etc/hosts", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("/etc/hosts: %w", err)
	}
	if err := p.hideTmp(); err != nil {
		return fmt.Errorf("private directories: %w", err)
	}
	for _, m := range []struct{ kind, at, data string }{
		{"proc", "/proc", ""},
		{"tmpfs", "/run", "mode=755"},
		{"tmpfs", "/dev/shm", "mode=1777"},
		{"devpts", "/dev/pts", "newinstance,ptmxmode=666,mode=620"},
	} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, m.data); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	if err := unix.Mount("/dev/pts/ptmx", "/dev/ptmx", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("/dev/ptmx: %w", err)
	}
	return nil
}

// hideTmp gives the node an empty /tmp, and of the test's own directory only what
// the plan keeps. The new tree is built at /dev/shm, which is covered afterwards.
func (p initPlan) hideTmp() error {
	const stage = "/dev/shm"
	root := filepath.Dir(p.Shared)
	if err := unix.Mount("tmpfs", stage, "tmpfs", 0, "mode=1777"); err != nil {
		return err
	}
	for _, dir := range p.Keep {
		target := filepath.Join(stage, dir[len(root):])
		if err := os.MkdirAll(target, 0o711); err != nil {
			return err
		}
		if err := unix.Mount(dir, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("keep %s: %w", dir, err)
		}
	}
	return unix.Mount(stage, root, "", unix.MS_MOVE, "")
}
