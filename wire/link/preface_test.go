package link_test

import (
	"errors"
	"io"
	"net"
	"testing"

	"umosix/wire/link"
)

// A preface is read as it was written, and not a byte more is taken.
func TestPreface(t *testing.T) {
	for _, want := range []link.Preface{
		{Kind: link.PrefaceControl},
		{Kind: link.PrefaceLink, Ticket: link.Ticket{1, 31: 255}},
	} {
		near, far := net.Pipe()
		sent := make(chan error, 1)
		go func() {
			err := link.WritePreface(near, want)
			if err == nil {
				_, err = near.Write([]byte("TLS"))
			}
			sent <- errors.Join(err, near.Close())
		}()
		got, err := link.ReadPreface(far)
		rest, restErr := io.ReadAll(far)
		if err := errors.Join(err, restErr, <-sent); err != nil || got != want || string(rest) != "TLS" {
			t.Errorf("%+v came as %+v, then %q, %v", want, got, rest, err)
		}
		far.Close()
	}
}

// Whatever is no preface is refused.
func TestBadPreface(t *testing.T) {
	good := link.Magic + "\x02" + string(make([]byte, link.TicketLen))
	for name, bytes := range map[string]string{
		"http":                  "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n",
		"other version":         "umosix2\n" + good[8:],
		"kind 0":                link.Magic + "\x00" + good[9:],
		"kind 3":                link.Magic + "\x03" + good[9:],
		"control with a ticket": link.Magic + "\x01" + good[9:len(good)-1] + "x",
	} {
		near, far := net.Pipe()
		go func() { _, _ = near.Write([]byte(bytes)) }()
		if p, err := link.ReadPreface(far); !errors.Is(err, link.ErrPreface) {
			t.Errorf("%s was taken as %+v, %v", name, p, err)
		}
		near.Close()
		far.Close()
	}
	near, far := net.Pipe()
	go func() { _, _ = near.Write([]byte(good[:20])); near.Close() }()
	if _, err := link.ReadPreface(far); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a preface: %v", err)
	}
	far.Close()
}
