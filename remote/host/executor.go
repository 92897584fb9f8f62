package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

// leaveTimeout bounds how long guests may take to go home.
const leaveTimeout = time.Minute

var errLeaving = errors.New("it is being shut down")

// executor is one running executor. Its fields are guarded by Host.mu, but for
// those that never change.
type executor struct {
	host   *Host
	job    string
	home   wire.NodeID
	pid    int
	uid    int // its own, or 0: mosd's
	lines  *control.Lines
	ended  chan struct{}
	guests []control.Guest
	cage   string
}

// Launch starts the executor of a job with the deputy's connection. uid is the
// one that it runs as, or 0 for mosd's own.
type Launch func(job string, uid int, link *os.File) (control.Running, error)

// launch is the Launch of a real mosd.
func (h *Host) launch(job string, uid int, link *os.File) (control.Running, error) {
	half := control.Half{Name: "executor", Job: job, Log: filepath.Join(h.cfg.Dir, "executor.log"), Link: link}
	if uid != 0 {
		half.User = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	return control.StartHalf(half)
}

// startExecutor gives a connection to a new executor; the caller still has to
// answer the preface and to close its own copy.
func (h *Host) startExecutor(conn net.Conn, ask *control.Admit) error {
	creds, err := h.cfg.Issue(ask.Job, ask.Uid)
	if err != nil {
		return err
	}
	tcp, ok := conn.(interface{ File() (*os.File, error) })
	if !ok {
		return fmt.Errorf("host: a %T can't be handed over", conn)
	}
	file, err := tcp.File()
	if err != nil {
		return err
	}
	defer file.Close()
	uid := h.takeUid()
	running, err := h.cfg.Launch(ask.Job, uid, file)
	if err != nil {
		h.giveUid(uid)
		return err
	}
	lines := control.NewLines(running.Channel)
	if err = lines.Send(h.startLine(ask, creds)); err != nil { // before anybody else finds it: it is its first line
		lines.Close()
	}
	h.follow(&executor{job: ask.Job, home: ask.Home, pid: running.Pid, uid: uid}, lines)
	return err
}

func (h *Host) startLine(ask *control.Admit, creds control.Credentials) control.Start {
	level := h.cfg.LogLevel
	if level == "" {
		level = "warn"
	}
	grace := h.cfg.Grace
	if ask.Grace > 0 {
		grace = min(time.Duration(ask.Grace)*time.Second, maxGrace)
	}
	return control.Start{
		Job: ask.Job, Node: h.cfg.Self, Uid: ask.Uid, Grace: grace, Creds: creds, Log: level, FalseClock: h.cfg.FalseClock, WeakCage: h.cfg.WeakCage,
		Home: ask.Home, Cage: h.cfg.Policy().Cage, Socket: h.cfg.Socket,
	}
}

// maxGrace bounds the silence that a job may ask for.
const maxGrace = 24 * time.Hour

// follow takes an executor that has been told to start into the books, and listens to it.
func (h *Host) follow(e *executor, lines *control.Lines) {
	e.host, e.lines, e.ended = h, lines, make(chan struct{})
	h.mu.Lock()
	h.executors[e] = struct{}{}
	leaving, over := h.leaving, h.life.Err() != nil
	if !over {
		h.busy.Go(e.listen)
	}
	h.mu.Unlock()
	if over {
		e.lines.Close()
		e.listen()
		return
	}
	h.log.Debug().Str(fieldJob, e.job).Stringer(fieldHome, e.home).Int(fieldPid, e.pid).Msg("executor runs")
	if leaving {
		e.lines.Send(control.ToExecutor{Leave: true})
	}
}

// listen takes in what the executor says until its channel ends.
func (e *executor) listen() {
	h := e.host
	for {
		var said control.FromExecutor
		if err := e.lines.Receive(&said); err != nil {
			break
		}
		h.mu.Lock()
		e.guests, e.cage = said.Guests, said.Cage
		h.mu.Unlock()
	}
	e.lines.Close()
	h.mu.Lock()
	delete(h.executors, e)
	delete(h.uids, e.uid)
	h.mu.Unlock()
	close(e.ended)
	h.log.Debug().Str(fieldJob, e.job).Int(fieldPid, e.pid).Msg("executor ended")
}

// AdoptExecutor takes back an executor that an earlier mosd has started. It
// runs as mosd's user or as one of the uids of executors.
func (h *Host) AdoptExecutor(_ context.Context, who control.Caller, req control.Adopt, conn net.Conn) error {
	reserved := who.Uid >= FirstUid && who.Uid < FirstUid+UidCount
	if !who.May(h.cfg.Uid) && !(h.cfg.Uid == 0 && reserved) {
		return control.Forbidden("uid %d runs no executor of this node", who.Uid)
	}
	e := &executor{job: req.Job, home: req.Home, pid: who.Pid}
	if reserved {
		e.uid = who.Uid
		h.mu.Lock()
		h.uids[e.uid] = true
		h.mu.Unlock()
	}
	h.follow(e, control.NewLines(conn))
	h.log.Info().Str(fieldJob, e.job).Int(fieldPid, e.pid).Msg("executor found again")
	return nil
}
