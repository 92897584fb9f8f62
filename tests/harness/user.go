package harness

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// User is who runs daemons and commands.
type User int

// The users of tests.
const (
	Root     User = iota // uid 0
	Ordinary             // an unprivileged uid without a home, groups or an entry in passwd
)

// ordinaryUid is the uid and gid of Ordinary when the tests run as root.
const ordinaryUid = 4242

// Users are those whom this process can be: both for root, else only Ordinary.
func Users() []User {
	if os.Geteuid() == 0 {
		return []User{Root, Ordinary}
	}
	return []User{Ordinary}
}

// String names the user for test names.
func (u User) String() string {
	if u == Ordinary {
		return "ordinary"
	}
	return "root"
}

// Uid is the user's number; Ordinary is the caller when the caller is not root.
func (u User) Uid() int {
	if u == Root {
		return 0
	}
	if uid := os.Geteuid(); uid != 0 {
		return uid
	}
	return ordinaryUid
}

// credential is what a process needs to become u, nil if it already is.
func (u User) credential() *syscall.Credential {
	if u.Uid() == os.Geteuid() {
		return nil
	}
	id := uint32(u.Uid())
	return &syscall.Credential{Uid: id, Gid: id, Groups: []uint32{}}
}

// own gives the files to u.
func (u User) own(paths ...string) error {
	if u.credential() == nil {
		return nil
	}
	for _, path := range paths {
		if err := os.Lchown(path, u.Uid(), u.Uid()); err != nil {
			return err
		}
	}
	return nil
}

// impossible says why this machine and user cannot have such a cluster, or is
// empty.
func (v Cluster) impossible() string {
	if v.User == Root && os.Geteuid() != 0 {
		return "daemons as root need a test run as root"
	}
	if v.Kind == Loopback {
		return ""
	}
	if os.Geteuid() != 0 {
		return "namespaced nodes need a test run as root"
	}
	for _, tool := range []string{"ip", "tc", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Sprintf("namespaced nodes need %s, which is not installed", tool)
		}
	}
	return ""
}
