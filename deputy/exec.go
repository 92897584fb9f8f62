package deputy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
	"umosix/wire"
)

// exec has the body start another program. If that succeeds, the guest is of no use any
// more, and the new program is at home. mask is what the guest blocks, heard the last
// frame with a signal that it has taken: while one is on its way the guest has to take
// it, and asks again. On the link's thread.
func (c *call) exec(mask, heard uint64) {
	t := c.t
	if !c.mayExec() {
		c.settle(abi.AtHome)
		c.answer()
		return
	}
	c.raiseFences()
	err := t.b.on(func() error {
		replaced, ret, err := t.execBody(c, heard)
		switch {
		case errors.Is(err, errTooLate):
			t.b.due = int(unix.SIGSEGV)
			return t.k.Cont(0) // to its end, which onExit meets
		case replaced:
			return errors.Join(err, t.becomeNative(mask))
		case err != nil:
			ret = abi.AtHome
		}
		c.settle(ret)
		c.answer()
		t.relayDeferred()
		return err
	})
	if err != nil && !errors.Is(err, tracer.ErrGone) {
		t.b.d.log.Error().Int("pid", int(t.b.pid)).Err(err).Msg("no program started")
	}
}

// execBody makes the call while all signals are masked: those that come meanwhile are the
// new program's, or are met when the call has failed. On the tracer's thread.
func (t *task) execBody(c *call, heard uint64) (replaced bool, ret int64, err error) {
	b := t.b
	b.awaitExits()
	if !b.mayChange() || len(b.tasks) > 1 {
		return false, restartNoIntr, nil
	}
	if err := t.stop(); err != nil {
		return false, 0, err
	}
	t.relayDeferred()
	if b.relayed.after(b.incarnation(), heard) {
		return false, restartNoIntr, t.passOver()
	}
	if err := t.beginSession(); err != nil {
		return false, 0, err
	}
	args := c.args
	ret, err = t.in.Call(c.nr, args[:]...)
	if err == nil && ret == 0 {
		t.in = nil // its registers are the new program's
		return true, 0, nil
	}
	if err == nil && t.isDoomed() {
		t.in = nil
		return false, ret, errTooLate
	}
	return false, ret, errors.Join(err, t.endSession(), t.passOver())
}

// errTooLate says that an exec has failed when the old program was no more.
var errTooLate = errors.New("neither program is there")

// isDoomed tells whether the kernel is about to end the stopped task, because it could not
// start a program and had given up the old one (fs/exec.c, bprm_execve).
func (t *task) isDoomed() bool {
	pending, err := t.k.PeekPending(false)
	return err == nil && slices.ContainsFunc(pending, func(info tracer.Siginfo) bool {
		return info.Signal() == int(unix.SIGSEGV) && info.Code() == byKernel
	})
}

// becomeNative lets a new program go that stands at its beginning. On the tracer's thread.
func (t *task) becomeNative(mask uint64) error {
	b := t.b
	b.killSlots()
	t.setCall(nil)
	drop, err := b.part(native)
	if err != nil {
		return err
	}
	b.closeMemory()
	t.slot, t.fences, t.swept = nil, nil, false
	b.openMask, t.user.Mask = 0, mask
	drop()
	goOn := t.letGo
	if b.placing != nil { // it was a mosrun
		goOn = t.onExec
	}
	err = errors.Join(t.k.SetSigMask(mask), goOn())
	b.report()
	b.d.forget(b)
	return err
}

// mayExec tells whether the program can be started by a traced process. One that gives
// rights does not give them then (man execve), and one that cannot be read is nobody's to
// trace. A file that is not found is the kernel's affair.
func (c *call) mayExec() bool {
	name, ok := c.execPath()
	for range maxScripts {
		if !ok {
			return true
		}
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
			return true
		}
		file, err := os.Open(name)
		if err != nil {
			return false
		}
		privileged, interpreter := inspect(file)
		file.Close()
		if privileged || interpreter == "" {
			return !privileged
		}
		name = c.atHome(interpreter)
	}
	return true
}

// maxScripts is how many interpreters of interpreters the kernel follows (fs/exec.c).
const maxScripts = 5

// execPath is the program's file as this program finds it.
func (c *call) execPath() (string, bool) {
	regions := c.plan.Regions
	if len(regions) == 0 || regions[0].Avail == 0 {
		return "", false
	}
	name, _, ended := bytes.Cut(c.data[0], []byte{0})
	if !ended {
		return "", false
	}
	dir := "cwd"
	if c.nr == unix.SYS_EXECVEAT && int32(c.plan.Args[0]) != unix.AT_FDCWD {
		dir = fmt.Sprintf("fd/%d", int32(c.plan.Args[0]))
	}
	path := string(name)
	if strings.HasPrefix(path, "/") {
		return c.atHome(path), true
	}
	return strings.TrimSuffix(fmt.Sprintf("/proc/%d/%s/%s", c.b.pid, dir, path), "/"), true
}

// atHome is an absolute path of the process as this program finds it.
func (c *call) atHome(path string) string {
	return fmt.Sprintf("/proc/%d/root", c.b.pid) + filepath.Clean("/"+path)
}

// inspect tells whether a program has rights of its own, and the interpreter of a script.
func inspect(file *os.File) (privileged bool, interpreter string) {
	info, err := file.Stat()
	if err != nil || info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 {
		return true, ""
	}
	if n, err := unix.Fgetxattr(int(file.Fd()), "security.capability", nil); err == nil && n > 0 {
		return true, ""
	}
	const longest = 256 // BINPRM_BUF_SIZE
	head := make([]byte, longest)
	n, _ := file.ReadAt(head, 0)
	line, isScript := bytes.CutPrefix(head[:n], []byte("#!"))
	if !isScript {
		return false, ""
	}
	line, _, _ = bytes.Cut(line, []byte{'\n'})
	if words := strings.Fields(string(line)); len(words) > 0 {
		return false, words[0]
	}
	return false, ""
}

// part ends the process's stay at its peer and gives what tells the peer.
func (b *body) part(to state) (drop func(), err error) {
	defer b.dropOwn()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == ended {
		return nil, errEnded
	}
	p := b.peer
	h := wire.Header{Type: wire.TypeDrop, Pid: b.pid, Tid: b.pid, Inc: b.inc}
	b.state, b.peer, b.ending = to, nil, nil // at home nobody tells for whom it waits
	b.inc++
	b.stats.before.UserNs += b.stats.usage.UserNs
	b.stats.before.SystemNs += b.stats.usage.SystemNs
	b.stats.usage = wire.Usage{}
	return func() { p.link.Send(h, nil) }, nil // without a link the guest is dropped, too
}
