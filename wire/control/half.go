package control

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// maxLog bounds the file that halves log to, in bytes: it starts anew then.
const maxLog = 1 << 20

// Half is a deputy or executor that mosd starts.
type Half struct {
	Name string // "deputy" or "executor"
	Job  string // shown by ps
	Log  string // path of the file that its standard error goes to
	User *syscall.Credential
	// Link is what it finds at LinkFd, or nil; the caller keeps its own copy.
	Link *os.File
}

// Running is a half that was started, and mosd's end of its channel. The end of
// the process shows as the end of the channel.
type Running struct {
	Pid     int
	Channel net.Conn
}

// StartHalf runs this binary as the half: in a session of its own, so that no
// signal of a terminal and no end of mosd reaches it, with nothing open but its
// channel, its link and its log.
func StartHalf(half Half) (Running, error) {
	ours, theirs, err := NewChannel()
	if err != nil {
		return Running{}, err
	}
	defer theirs.Close()
	cmd, err := half.command(theirs)
	if err == nil {
		defer cmd.Stderr.(*os.File).Close()
		err = cmd.Start()
	}
	if err != nil {
		ours.Close()
		return Running{}, fmt.Errorf("starting the %s: %w", half.Name, err)
	}
	go cmd.Wait() // so that it is no zombie when it has ended
	return Running{Pid: cmd.Process.Pid, Channel: ours}, nil
}

func (h *Half) command(channel *os.File) (*exec.Cmd, error) {
	log, err := openLog(h.Log)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe", h.Name, h.Job)
	cmd.Args[0] = "mosix"
	cmd.Dir = "/"
	cmd.Env = childEnv(os.Environ())
	cmd.Stderr = log
	cmd.ExtraFiles = []*os.File{channel} // becomes ChannelFd
	if h.Link != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, h.Link) // becomes LinkFd
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: h.User}
	return cmd, nil
}

// childEnv is what of mosd's environment a half gets.
func childEnv(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case name == "PATH", name == "HOME", name == "TMPDIR", strings.HasPrefix(name, "XDG_"),
			strings.HasPrefix(name, "MOSIX_"), strings.HasPrefix(name, "GO"):
			kept = append(kept, entry)
		}
	}
	return kept
}

// openLog opens a log for appending; one that has grown too long starts anew.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		os.Truncate(path, 0)
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
}
