package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// Node is one node of a running cluster.
type Node struct {
	ID int

	c      *Nodes
	user   User    // of commands
	daemon *daemon // shared by all users' views of the node
	space  *space  // nil for loopback nodes
}

// As is the same node for commands of another user.
func (n *Node) As(u User) *Node {
	other := *n
	other.user = u
	return &other
}

// Address is the node's IPv4 address.
func (n *Node) Address() string { return fmt.Sprintf("%s.%d", n.c.net, n.ID) }

// Dir is the node's directory, at the same path on the node and outside of it.
func (n *Node) Dir() string { return filepath.Join(n.c.dir, "node"+strconv.Itoa(n.ID)) }

// Home is the home directory of the node's user.
func (n *Node) Home() string { return filepath.Join(n.Dir(), "home-"+n.user.String()) }

// WorkDir makes an empty directory for a job of the node's user.
func (n *Node) WorkDir() (string, error) {
	dir, err := os.MkdirTemp(n.Home(), "work-")
	if err != nil {
		return "", err
	}
	return dir, n.user.own(dir)
}

// Own gives files to the node's user.
func (n *Node) Own(paths ...string) error { return n.user.own(paths...) }

func (n *Node) configDir() string { return filepath.Join(n.Dir(), "config") }
func (n *Node) stateDir() string  { return filepath.Join(n.Dir(), "state") }

// makeDirs makes the node's directories: those of the daemon belong to the
// cluster's user, and every user has a home.
func (n *Node) makeDirs() error {
	owner := n.c.value.User
	if err := os.Mkdir(n.Dir(), 0o711); err != nil {
		return err
	}
	mode := map[string]os.FileMode{"config": 0o755, "state": 0o755, "cache": 0o700}
	if owner == Ordinary {
		mode["state"] = 0o700
	}
	for name, perm := range mode {
		if err := makeOwned(filepath.Join(n.Dir(), name), perm, owner); err != nil {
			return err
		}
	}
	for _, u := range Users() {
		if err := makeOwned(n.As(u).Home(), 0o700, u); err != nil {
			return err
		}
	}
	return nil
}

func makeOwned(path string, perm os.FileMode, u User) error {
	if err := os.Mkdir(path, perm); err != nil {
		return err
	}
	if err := os.Chmod(path, perm); err != nil { // whatever the umask says
		return err
	}
	return u.own(path)
}

// ReadConfig is a file of the daemon's configuration.
func (n *Node) ReadConfig(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(n.configDir(), name))
	return string(text), err
}

// WriteConfig writes a file of the daemon's configuration, which reads it when it
// starts.
func (n *Node) WriteConfig(name, text string, perm os.FileMode) error {
	path := filepath.Join(n.configDir(), name)
	if err := os.WriteFile(path, []byte(text), perm); err != nil {
		return err
	}
	return n.c.value.User.own(path)
}

// environ is the whole environment of commands on the node: nothing of the
// caller's gets in.
func (n *Node) environ(more []string) []string {
	return append([]string{
		"PATH=" + binDir + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
		"LANG=C.UTF-8", "TERM=dumb", "TZ=UTC",
		"HOME=" + n.Home(), "USER=" + n.user.String(),
		"XDG_CACHE_HOME=" + filepath.Join(n.Home(), ".cache"),
		"XDG_STATE_HOME=" + filepath.Join(n.Home(), ".state"),
		"XDG_CONFIG_HOME=" + filepath.Join(n.Home(), ".config"),
		"XDG_RUNTIME_DIR=" + n.Home(),
		"MOSIX_STATE=" + n.stateDir(), "MOSIX_CONFIG=" + n.configDir(),
		mark, n.mark(),
	}, more...)
}

// mark tells this node's processes from another's.
func (n *Node) mark() string {
	return fmt.Sprintf("UMOSIX_TEST_NODE=%s-%d", filepath.Base(n.c.dir), n.ID)
}

// Start starts a command on the node.
func (n *Node) Start(c Command) (*Job, error) {
	if c.Dir == "" {
		c.Dir = n.Home()
	}
	if n.space != nil {
		return n.space.start(n, c)
	}
	path, err := n.lookPath(c.Args[0])
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: path, Args: c.Args, Dir: c.Dir, Env: n.environ(c.Env)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: n.user.credential()}
	return start(cmd, c)
}

// lookPath finds a program in the PATH of the node's environment.
func (n *Node) lookPath(name string) (string, error) {
	if filepath.Base(name) != name {
		return name, nil
	}
	if path := filepath.Join(binDir, name); exists(path) {
		return path, nil
	}
	return exec.LookPath(name)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Do runs a command on the node and waits for its end.
func (n *Node) Do(c Command) Result {
	j, err := n.Start(c)
	if err != nil {
		return Result{Args: c.Args, Exit: -1, Err: err}
	}
	return j.Wait()
}

// Run runs a command on the node with the default limit.
func (n *Node) Run(args ...string) Result { return n.Do(Command{Args: args}) }

// Mosrun starts `mosrun ARGS…` on the node; the job's Pid is the program's.
func (n *Node) Mosrun(args ...string) (*Job, error) {
	return n.Start(Command{Args: append([]string{"mosrun"}, args...)})
}

// Migrate moves a process of this home to a place: a node's number, "home" or
// "out". The error is what the command said.
func (n *Node) Migrate(pid int, to string) error {
	r := n.Run("migrate", strconv.Itoa(pid), to)
	if !r.OK() {
		return fmt.Errorf("%v", r)
	}
	return nil
}

// Process is one line of `mosps --json`.
type Process struct {
	Pid     int     `json:"pid"`
	Ppid    int     `json:"ppid"`
	Job     string  `json:"job"`
	Where   int     `json:"where"` // 0 is home
	State   string  `json:"state"`
	Moves   int     `json:"nmigs"`
	Pinned  *string `json:"pinned"`
	Command string  `json:"command"`
}

// Place is where the process is, as users write it: "home" or a number.
func (p Process) Place() string {
	if p.Where == 0 {
		return "home"
	}
	return strconv.Itoa(p.Where)
}

// Ps lists the jobs of this home.
func (n *Node) Ps(flags ...string) ([]Process, error) { return n.list(append(flags, "--json")) }

// Guests lists the guests on this node.
func (n *Node) Guests() ([]Process, error) { return n.list([]string{"-g", "--json"}) }

func (n *Node) list(flags []string) ([]Process, error) {
	r := n.Run(append([]string{"mosps"}, flags...)...)
	if !r.OK() {
		return nil, fmt.Errorf("%v", r)
	}
	var list []Process
	if err := json.Unmarshal(r.Stdout, &list); err != nil {
		return nil, fmt.Errorf("mosps --json: %w in %q", err, r.Stdout)
	}
	return list, nil
}

// Where is the place of one process of this home as `mosps` tells it.
func (n *Node) Where(pid int) (string, error) {
	list, err := n.Ps()
	if err != nil {
		return "", err
	}
	for _, p := range list {
		if p.Pid == pid {
			return p.Place(), nil
		}
	}
	return "", fmt.Errorf("mosps does not list %d", pid)
}
