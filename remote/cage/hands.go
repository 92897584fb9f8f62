package cage

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"umosix/tracer"
	"umosix/tracer/abi"
)

// hands do things inside a stopped process: they put bytes into its memory and
// have it make system calls about them.
type hands struct {
	call    tracer.Caller
	memory  *tracer.Memory
	scratch abi.Addr
	used    abi.Addr
}

// put places b in the scratch memory and returns where. The place is good until
// reuse; the callers' pieces together are far below the size of the scratch.
func (h *hands) put(b []byte) (uint64, error) {
	at := h.scratch + h.used
	if _, err := h.memory.WriteAt(b, at); err != nil {
		return 0, err
	}
	h.used += abi.Addr(len(b)+15) &^ 15
	return uint64(at), nil
}

// reuse makes the whole scratch free again.
func (h *hands) reuse() { h.used = 0 }

// do makes a call. A negative errno is an error that says what could not be done.
func (h *hands) do(what string, nr uint64, args ...uint64) (int64, error) {
	ret, err := h.call.Call(nr, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	if ret < 0 {
		return ret, fmt.Errorf("%s: %w", what, unix.Errno(-ret))
	}
	return ret, nil
}

// doWith makes a call whose argument number arg points to a copy of b.
func (h *hands) doWith(what string, b []byte, arg int, nr uint64, args ...uint64) (int64, error) {
	h.reuse()
	at, err := h.put(b)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	args[arg] = at
	return h.do(what, nr, args...)
}

// words lays 64-bit words out as the kernel reads them.
func words(w ...uint64) []byte {
	b := make([]byte, 0, 8*len(w))
	for _, v := range w {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}
