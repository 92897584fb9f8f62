package cage

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"umosix/tracer"
)

// TestMain turns the test program into another one where a test needs it.
func TestMain(m *testing.M) {
	if os.Getenv("CAGE_TEST_HOLD") != "" {
		hold()
	}
	if os.Getenv("CAGE_TEST_FORBIDDEN") != "" {
		forbidden()
	}
	os.Exit(m.Run())
}

const nobody = 65534

// TestAsNobody runs the others again without root: most users are not root, and
// their cage must be the same.
func TestAsNobody(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("runs only from root")
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cage-test-") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755)
	copied := dir + "/cage.test"
	if err := os.WriteFile(copied, program, 0o755); err != nil {
		t.Fatal(err)
	}
	again := exec.Command(copied, "-test.v", "-test.timeout=60s")
	again.Dir = "/"
	again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// hold is another program: it builds a cage with a guest, prints their pids, and
// waits to be killed.
func hold() {
	tr, err := tracer.New()
	if err != nil {
		panic(err)
	}
	c, err := New(Config{Tracer: tr, Weakest: AnyLevel, Force: os.Getenv("CAGE_TEST_HOLD")})
	if err != nil {
		panic(err)
	}
	tr.Do(func() {
		k, err := c.Spawn(4711)
		if err != nil {
			panic(err)
		}
		k.Cont(0)
		fmt.Println(c.First(), k.Tid)
	})
	select {}
}

func TestGuestsDieWithTheExecutor(t *testing.T) {
	for _, level := range []string{LevelFull, LevelSeccomp} {
		t.Run(level, func(t *testing.T) {
			holder := exec.Command("/proc/self/exe")
			holder.Env = append(os.Environ(), "CAGE_TEST_HOLD="+level)
			holder.Stderr = os.Stderr
			out, err := holder.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := holder.Start(); err != nil {
				t.Fatal(err)
			}
			var first, guest int
			if _, err := fmt.Fscan(out, &first, &guest); err != nil {
				t.Fatal(err)
			}
			fds := []int32{pidfd(t, first), pidfd(t, guest)}
			holder.Process.Kill()
			holder.Wait()
			for _, fd := range fds {
				n, err := unix.Poll([]unix.PollFd{{Fd: fd, Events: unix.POLLIN}}, 2000)
				if n != 1 {
					t.Errorf("a process in the cage outlives its executor: %v", err)
				}
				unix.Close(int(fd))
			}
		})
	}
}

func pidfd(t *testing.T, pid int) int32 {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return int32(fd)
}

// forbidden is another program: where it runs user namespaces are forbidden. It
// prints what New says.
func forbidden() {
	if err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0); err != nil {
		panic(err)
	}
	tr, err := tracer.New()
	if err != nil {
		panic(err)
	}
	_, err = New(Config{Tracer: tr, Weakest: LevelFull})
	fmt.Printf("full: %v\n", err)
	c, err := New(Config{Tracer: tr, Weakest: AnyLevel})
	if err != nil {
		panic(err)
	}
	fmt.Printf("any: %s %v %v\n", c.Level(), c.ExactPids(), c.ExactClocks())
	if err := c.Close(); err != nil {
		panic(err)
	}
	os.Exit(0)
}

func TestWhereUserNamespacesAreForbidden(t *testing.T) {
	program := exec.Command("/proc/self/exe")
	program.Env = append(os.Environ(), "CAGE_TEST_FORBIDDEN=1")
	program.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := program.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	if want := "any: " + levelOf(false, landlockVersion() > 0) + " false false"; !strings.Contains(string(out), want) {
		t.Errorf("no %q", want)
	}
	if want := "full: build cage: this node cannot"; !strings.Contains(string(out), want) {
		t.Errorf("no %q", want)
	}
}
