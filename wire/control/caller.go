package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"golang.org/x/sys/unix"
)

// Caller is the process at the other end of the control socket, as the kernel
// knows it (SO_PEERCRED, unix(7)): its effective ids when it connected.
type Caller struct {
	Pid, Uid, Gid int
}

// May tells whether the caller may act on what belongs to uid.
func (c Caller) May(uid int) bool { return c.Uid == 0 || c.Uid == uid }

// statusUnseen is the status of a request that mosd would serve if it saw who asks.
const statusUnseen = http.StatusMisdirectedRequest

// Unseen tells whether a mosd has answered that it does not see the calling process.
func Unseen(err error) bool {
	var failure *Failure
	return errors.As(err, &failure) && failure.Status == statusUnseen
}

// self is the caller's own number as this program sees it. What it says itself counts in
// its pid namespace, and may there be 1.
func (c Caller) self() (int, error) {
	if c.Pid == 0 { // man 7 pid_namespaces, "the caller is not visible"
		return 0, Failf(statusUnseen, "this mosd does not see the calling process: it is in another pid namespace")
	}
	return c.Pid, nil
}

type callerKey struct{}

// withCaller is the ConnContext of the server.
func withCaller(ctx context.Context, conn net.Conn) context.Context {
	caller, err := peerOf(conn)
	if err != nil {
		return ctx
	}
	return context.WithValue(ctx, callerKey{}, caller)
}

// callerOf fails when the kernel did not tell who is calling.
func callerOf(ctx context.Context) (Caller, error) {
	caller, ok := ctx.Value(callerKey{}).(Caller)
	if !ok {
		return Caller{}, Forbidden("the caller's identity is unknown")
	}
	return caller, nil
}

func peerOf(conn net.Conn) (Caller, error) {
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return Caller{}, fmt.Errorf("control: not a unix socket: %T", conn)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return Caller{}, fmt.Errorf("control: caller of the socket: %w", err)
	}
	var cred *unix.Ucred
	var failure error
	err = raw.Control(func(fd uintptr) {
		cred, failure = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return Caller{}, fmt.Errorf("control: caller of the socket: %w", err)
	}
	return Caller{Pid: int(cred.Pid), Uid: int(cred.Uid), Gid: int(cred.Gid)}, nil
}
