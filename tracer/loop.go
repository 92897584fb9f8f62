package tracer

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"umosix/tracer/abi"
)

// Loop is the resident loop of a process: a few instructions in its window that
// execute the system calls that this program puts into a slot of shared memory.
// A call through it needs no ptrace stop, and a task that idles in it runs, so
// that signals reach it.
//
// States of a slot's turn, and who may change them:
//
//	idle (0) --this program--> run (1) --the task--> done (2) --this program--> run (1)
type Loop struct {
	Window abi.Addr
	Slots  int      // how many tasks it has room for
	shared []byte   // our mapping of slots and buffers, without the code page
	file   *os.File // the memory itself
	code   int      // bytes of the loop's code
	insn   int      // offset behind the `syscall` that executes calls
	done   int      // offset behind the instruction that tells home of the result
	script int      // offset of the code of scripts
	wall   map[string]abi.Addr

	users   atomic.Int32   // processes that have it in their memory
	waiters sync.WaitGroup // goroutines in Slot.Wait
	closing atomic.Bool
}

// Offsets in a slot; loop_amd64.s has them too.
const (
	slotTurn   = 0
	slotNr     = 8
	slotArgs   = 16
	slotRet    = 64
	slotWaiter = 72  // home sleeps on turn
	slotMask   = 80  // blocked signals during the call
	slotIdle   = 88  // blocked signals while idle
	slotAsleep = 96  // the task sleeps on turn
	slotMasks  = 100 // the masks are to be set
)

const turnIdle, turnRun, turnDone = 0, 1, 2

// Protections and flags of the mappings that make a window.
const (
	protNone, protRW, protRX = 0, unix.PROT_READ | unix.PROT_WRITE, unix.PROT_READ | unix.PROT_EXEC
	mapFixedNoReplace        = unix.MAP_FIXED_NOREPLACE
)

// NewLoop maps the window into a process through call, which executes system
// calls in it; pid is the process as this program sees it. The window has room for
// that many tasks, MaxSlots at most.
func NewLoop(pid abi.LocalPid, m *Memory, call Caller, window abi.Addr, slots int) (*Loop, error) {
	if slots < 1 || slots > MaxSlots {
		return nil, fmt.Errorf("window of %d: room for %d tasks", pid, slots)
	}
	l := &Loop{Window: window, Slots: slots}
	if err := l.mapWindow(pid, m, call); err != nil {
		return nil, fmt.Errorf("window of %d: %w", pid, err)
	}
	l.users.Store(1)
	return l, nil
}

// Share counts one more process that has the loop in its memory: a child, with slots of
// its own. It returns the loop.
func (l *Loop) Share() *Loop {
	l.users.Add(1)
	return l
}

// Replace gives a process that has inherited the window one of its own in the same place.
// call must not execute in the window.
func (l *Loop) Replace(pid abi.LocalPid, m *Memory, call Caller) (*Loop, error) {
	if err := l.Remove(call); err != nil {
		return nil, err
	}
	return NewLoop(pid, m, call, l.Window, l.Slots)
}

// LetFork says whether children of a process begin with its window. At first they do not.
func (l *Loop) LetFork(call Caller, let bool) error {
	advice := uint64(unix.MADV_DONTFORK)
	if let {
		advice = unix.MADV_DOFORK
	}
	return expect(call, 0, unix.SYS_MADVISE, uint64(l.Window), WindowSize(l.Slots), advice)
}

func (l *Loop) mapWindow(pid abi.LocalPid, m *Memory, call Caller) error {
	flags := uint64(unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | mapFixedNoReplace)
	if err := expect(call, l.Window, unix.SYS_MMAP, uint64(l.Window), WindowSize(l.Slots), protNone, flags|unix.MAP_NORESERVE, ^uint64(0), 0); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	if err := expect(call, 0, unix.SYS_MPROTECT, uint64(l.Window), abi.PageSize, protRW); err != nil {
		return fmt.Errorf("code page: %w", err)
	}
	code, script := loopBytes()
	l.code, l.insn, l.done, l.script = len(code), callSite(code), doneSite(code), script
	if _, err := m.ForceWrite(append(code, "mosix\x00"...), l.Window); err != nil {
		return err
	}
	if _, err := m.ForceWrite(l.wallCode(), l.Window+wallStart); err != nil {
		return err
	}
	if err := expect(call, 0, unix.SYS_MPROTECT, uint64(l.Window), abi.PageSize, protRX); err != nil {
		return fmt.Errorf("code page: %w", err)
	}
	return l.share(pid, call)
}

// share makes the memory that slots and buffers lie in. The process creates it,
// so that no descriptor has to be handed over; it keeps none of it.
func (l *Loop) share(pid abi.LocalPid, call Caller) error {
	fd, err := call.Call(unix.SYS_MEMFD_CREATE, uint64(l.Window)+uint64(l.code), unix.MFD_CLOEXEC)
	if err != nil || fd < 0 {
		return callError("memfd_create", fd, err)
	}
	size := l.buffersEnd() - slotsStart
	l.file, err = os.OpenFile(fmt.Sprintf("/proc/%d/fd/%d", pid, fd), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := l.file.Truncate(int64(size)); err != nil {
		return err
	}
	if l.shared, err = unix.Mmap(int(l.file.Fd()), 0, size, protRW, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	start := l.Window + slotsStart
	if err := expect(call, start, unix.SYS_MMAP, uint64(start), uint64(size), protRW, unix.MAP_SHARED|unix.MAP_FIXED|unix.MAP_NORESERVE, uint64(fd), 0); err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	if err := l.LetFork(call, false); err != nil {
		return fmt.Errorf("madvise: %w", err)
	}
	return expect(call, 0, unix.SYS_CLOSE, uint64(fd))
}

// Close releases our side of one process; the process's side goes with Remove or with
// the process. With the last one whoever waits for a slot gets ErrGone.
func (l *Loop) Close() {
	if l.users.Add(-1) > 0 {
		return
	}
	l.closing.Store(true)
	for off := 0; off < l.Slots*slotBytes; off += slotBytes {
		if atomic.LoadUint32(word32(l.shared, off+slotWaiter)) != 0 {
			futexWake(word32(l.shared, off+slotTurn))
		}
	}
	l.waiters.Wait()
	unix.Munmap(l.shared)
	l.file.Close()
	l.shared = nil
}

// Remove unmaps the window in the process. No task may be in the loop.
func (l *Loop) Remove(call Caller) error {
	return expect(call, 0, unix.SYS_MUNMAP, uint64(l.Window), WindowSize(l.Slots))
}

// expect makes a call that must return want.
func expect(c Caller, want abi.Addr, nr uint64, args ...uint64) error {
	ret, err := c.Call(nr, args...)
	if err != nil || ret != int64(want) {
		return callError(fmt.Sprintf("call %d", nr), ret, err)
	}
	return nil
}

func callError(what string, ret int64, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", what, unix.Errno(-ret))
}

// Slot is one task's place in the loop. One goroutine at a time may use it.
type Slot struct {
	loop *Loop
	off  int // in shared
	dead atomic.Bool
}

// Slot returns slot number n.
func (l *Loop) Slot(n int) (*Slot, error) {
	if n < 0 || n >= l.Slots {
		return nil, fmt.Errorf("task slot %d of %d", n, l.Slots)
	}
	return &Slot{loop: l, off: n * slotBytes}, nil
}

// Range is the window, from its first address to the one behind its last.
func (l *Loop) Range() [2]abi.Addr {
	return [2]abi.Addr{l.Window, l.Window + abi.Addr(WindowSize(l.Slots))}
}

func (l *Loop) buffersEnd() int { return buffersStart + l.Slots*BufferBytes }

// Unmapped is an address in the window at which every access faults; the offset
// in its page is that of like.
func (l *Loop) Unmapped(like abi.Addr) abi.Addr {
	return l.Window + abi.Addr(l.buffersEnd()) + 16<<10 + like%abi.PageSize
}

// Buffers is the memory for the buffers of the task's calls, BufferBytes of it, and
// its address in the process.
func (s *Slot) Buffers() ([]byte, abi.Addr) {
	from := buffersStart + s.Number()*BufferBytes
	return s.loop.shared[from-slotsStart:][:BufferBytes:BufferBytes], s.loop.Window + abi.Addr(from)
}

// Trim gives back the memory of the task's buffers.
func (s *Slot) Trim() {
	from := buffersStart - slotsStart + s.Number()*BufferBytes
	unix.Fallocate(int(s.loop.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(from), BufferBytes)
}

// Number is the slot's number.
func (s *Slot) Number() int { return s.off / slotBytes }

func (s *Slot) word(off int) *uint32 { return word32(s.loop.shared, s.off+off) }

// Enter sets registers so that a task idles in the loop with this slot.
func (s *Slot) Enter(r *Regs) {
	r.Rip, r.Rbx = uint64(s.loop.Window), uint64(s.addr())
	r.LeaveSyscall()
	r.Eflags &^= eflagsTrap | eflagsDirection
}

func (s *Slot) addr() abi.Addr { return s.loop.Window + slotsStart + abi.Addr(s.off) }

// Masks sets which signals are blocked while the task is in the calls that follow,
// and when it idles between them. It must idle with the latter already.
func (s *Slot) Masks(call, idle uint64) {
	put64(s.loop.shared, s.off+slotMask, call)
	put64(s.loop.shared, s.off+slotIdle, idle)
	atomic.StoreUint32(s.word(slotMasks), b2u(call != idle))
}

// IdleMask changes what is blocked while the task idles, from the end of the call on
// that it is in.
func (s *Slot) IdleMask(idle uint64) {
	put64(s.loop.shared, s.off+slotIdle, idle)
	atomic.StoreUint32(s.word(slotMasks), 1)
}

// MaskAt is what a task that is stopped in the loop blocks there; on its way to a call,
// where that sets its mask, what it is about to block.
func (s *Slot) MaskAt(r *Regs) uint64 {
	if s.Busy() && int64(r.Rip)-int64(s.loop.Window) <= int64(s.loop.insn) {
		return get64(s.loop.shared, s.off+slotMask)
	}
	return get64(s.loop.shared, s.off+slotIdle)
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// Reset makes the slot ready for a task that comes to it.
func (s *Slot) Reset() {
	clear(s.loop.shared[s.off : s.off+slotBytes])
}

// Start puts a call into the slot and wakes the task.
func (s *Slot) Start(nr uint64, args [6]uint64) {
	put64(s.loop.shared, s.off+slotNr, nr)
	for i, a := range args {
		put64(s.loop.shared, s.off+slotArgs+8*i, a)
	}
	atomic.StoreUint32(s.word(slotWaiter), 0)
	atomic.StoreUint32(s.word(slotTurn), turnRun)
	if atomic.LoadUint32(s.word(slotAsleep)) != 0 {
		futexWake(s.word(slotTurn))
	}
}

// Done tells whether the call has ended, and its result.
func (s *Slot) Done() (int64, bool) {
	if atomic.LoadUint32(s.word(slotTurn)) != turnDone {
		return 0, false
	}
	return int64(get64(s.loop.shared, s.off+slotRet)), true
}

// Busy tells whether a call is in the slot and has not ended.
func (s *Slot) Busy() bool { return atomic.LoadUint32(s.word(slotTurn)) == turnRun }

// Kill makes every present and future Wait return ErrGone: the task is no more.
func (s *Slot) Kill() {
	s.dead.Store(true)
	futexWake(s.word(slotTurn))
}

// Wait waits until the call in the slot has ended, at most for the given time
// (0: without a limit). It reports ok=false when the time is over.
func (s *Slot) Wait(limit time.Duration) (ret int64, ok bool, err error) {
	s.loop.waiters.Add(1)
	defer s.loop.waiters.Done()
	var until time.Time
	if limit > 0 {
		until = time.Now().Add(limit)
	}
	for {
		if s.dead.Load() || s.loop.closing.Load() { // what is in the slot may be another task's
			return 0, false, ErrGone
		}
		if ret, ok := s.Done(); ok {
			return ret, true, nil
		}
		nap := time.Second
		if limit > 0 {
			if nap = time.Until(until); nap <= 0 {
				return 0, false, nil
			}
		}
		atomic.StoreUint32(s.word(slotWaiter), 1)
		futexWait(s.word(slotTurn), turnRun, min(nap, longestNap))
	}
}

// longestNap is how long a waiter may sleep through the end of the loop at most.
const longestNap = 100 * time.Millisecond

// Call executes one call and waits for it: Slot is a Caller for calls that do not
// block for long.
func (s *Slot) Call(nr uint64, args ...uint64) (int64, error) {
	var six [6]uint64
	copy(six[:], args)
	s.Start(nr, six)
	ret, ok, err := s.Wait(callLimit)
	if err == nil && !ok {
		err = errors.New("the process does not answer")
	}
	if err != nil {
		return 0, fmt.Errorf("call %d in the resident loop: %w", nr, err)
	}
	return ret, nil
}

// callLimit bounds calls of our own in a process: none of them waits for anything.
const callLimit = 30 * time.Second

// At tells where in the loop a stopped task is.
func (s *Slot) At(r *Regs) Place {
	switch rip := int64(r.Rip) - int64(s.loop.Window); {
	case rip < 0 || rip >= int64(s.loop.code):
		return PlaceOutside
	case !s.Busy():
		return PlaceIdle
	case rip == int64(s.loop.insn) && r.Nr() >= 0:
		return PlaceInCall
	case rip == int64(s.loop.insn-2) && r.Nr() < 0:
		return PlaceBeforeCall
	case rip >= int64(s.loop.insn) && rip < int64(s.loop.done):
		return PlaceAfterCall
	}
	return PlaceIdle
}

// Place is where a stopped task is in relation to the loop.
type Place uint8

// The places. PlaceIdle includes the way from the wake-up to the call, PlaceAfterCall
// the way from the call to Done, after which the task is idle: home may have given it the
// next call while it still wakes home's thread for the last one.
const (
	PlaceOutside Place = iota
	PlaceIdle
	PlaceBeforeCall
	PlaceInCall
	PlaceAfterCall
)

// Insn is the address of the `syscall` instruction that executes calls.
func (l *Loop) Insn() abi.Addr { return l.Window + abi.Addr(l.insn) - 2 }
