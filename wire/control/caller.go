package control

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Caller is the process at the other end of the control socket, as the kernel
// knows it (SO_PEERCRED, unix(7)): its effective ids when it connected.
type Caller struct {
	Pid, Uid, Gid int
}

// May tells whether the caller may act on what belongs to uid.
func (c Caller) May(uid int) bool { return c.Uid == 0 || c.Uid == uid }

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
