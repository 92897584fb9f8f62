package control

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"pid":1}`:           true,
		``:                    true,
		" \n":                 true,
		`{"pid":1} {}`:        false,
		`{"pid":1}x`:          false,
		`{"pid":"1"}`:         false,
		`{"pid":1,"other":2}`: false,
		`null`:                true,
		`[`:                   false,
	} {
		var got OfPid
		if err := decode(strings.NewReader(text), &got); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"pid":1,"program":"x","options":{"among":[{"from":1,"to":2}],"lock":"on"}}`))
	f.Add([]byte(`{"pid":1,"to":"2"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, into := range []any{new(Register), new(Migrate), new(Adopt), new(SetFlag), new(Hold)} {
			err := decode(bytes.NewReader(text), into)
			var failure *Failure
			if err != nil && (!errors.As(err, &failure) || failure.Status != 400) {
				t.Errorf("%T: %v", into, err)
			}
			if r, is := into.(*Register); is && err == nil && len(bytes.TrimSpace(text)) > 0 && (r.Pid <= 0 || len(r.Tag) > MaxTag) {
				t.Errorf("taken: %+v", r)
			}
		}
	})
}

func FuzzPeer(f *testing.F) {
	var whole bytes.Buffer
	WritePeer(&whole, PeerAsk{Admit: &Admit{Job: "j"}})
	f.Add(whole.Bytes())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, text []byte) {
		var ask PeerAsk
		if ReadPeer(bytes.NewReader(text), &ask) == nil && WritePeer(io.Discard, ask) != nil {
			t.Errorf("read but not writable: %q", text)
		}
	})
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"Done\":{\"ID\":1}}\n{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := NewLines(pipe{bytes.NewReader(text)})
		for {
			var said FromDeputy
			if err := lines.Receive(&said); err != nil && !errors.Is(err, ErrLine) {
				return
			}
		}
	})
}

// pipe is a stream that nobody writes to.
type pipe struct{ io.Reader }

func (pipe) Write(p []byte) (int, error) { return len(p), nil }
func (pipe) Close() error                { return nil }

func TestLongLine(t *testing.T) {
	long := strings.Repeat("x", MaxLine+2) + "\n"
	if err := NewLines(pipe{strings.NewReader(long)}).Receive(new(FromDeputy)); !errors.Is(err, ErrLine) {
		t.Error(err)
	}
	if err := NewLines(pipe{strings.NewReader("")}).Send(Event{Text: long}); !errors.Is(err, ErrLine) {
		t.Error(err)
	}
}
