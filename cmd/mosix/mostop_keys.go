package main

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// keys are those that a user types while a screen is shown. The terminal gives them one
// by one and does not show them, until leave.
type keys struct {
	typed   chan byte
	signals chan os.Signal
	before  *unix.Termios // of the terminal; nil: standard input is none, or another's
}

// watchKeys begins to listen to the terminal, if there is one and this program has it.
func watchKeys(in *os.File) *keys {
	k := &keys{typed: make(chan byte), signals: make(chan os.Signal, 1)}
	fd := int(in.Fd())
	owner, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || owner != unix.Getpgrp() {
		return k
	}
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return k
	}
	raw := *before
	raw.Lflag &^= unix.ICANON | unix.ECHO
	if unix.IoctlSetTermios(fd, unix.TCSETS, &raw) != nil {
		return k
	}
	k.before = before
	signal.Notify(k.signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	go k.read(in)
	return k
}

func (k *keys) read(in *os.File) {
	for b := make([]byte, 1); ; {
		if n, err := in.Read(b); n == 0 || err != nil {
			return
		}
		k.typed <- b[0]
	}
}

// rest waits, and reports whether the user wants no more: q was typed, or a signal came.
// Another key ends the wait.
func (k *keys) rest(pause time.Duration) (over bool) {
	select {
	case <-time.After(pause):
		return false
	case key := <-k.typed:
		return key == 'q' || key == 'Q'
	case <-k.signals:
		return true
	}
}

// leave gives the terminal back as it was.
func (k *keys) leave(in *os.File) error {
	if k.before == nil {
		return nil
	}
	signal.Stop(k.signals)
	return unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, k.before)
}
