package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// decode reads one JSON object of at most MaxBody bytes. Unknown fields and
// anything behind the object are refused; an empty body is the zero value.
func decode(body io.Reader, into any) error {
	text, err := io.ReadAll(io.LimitReader(body, MaxBody+1))
	if err != nil {
		return Invalid("reading the request: %v", err)
	}
	if len(text) > MaxBody {
		return Invalid("the request is longer than %d bytes", MaxBody)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return Invalid("the request is not understood: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Invalid("the request is not understood: something follows the object")
	}
	if checked, ok := into.(interface{ check() error }); ok {
		return checked.check()
	}
	return nil
}

func (r *Register) check() error {
	switch o := &r.Options; {
	case r.Pid <= 0:
		return Invalid("pid %d is not a process number", r.Pid)
	case len(r.Tag) > MaxTag:
		return Invalid("the job id is longer than %d bytes", MaxTag)
	case len(o.Among) > MaxSpans:
		return Invalid("more than %d ranges of nodes", MaxSpans)
	case o.Grace < 0 || o.Shake < 0:
		return Invalid("a duration is negative")
	}
	switch r.Options.Lock {
	case LockDefault, LockOn, LockOff, LockKeep:
		return nil
	}
	return Invalid("lock %q is not known", r.Options.Lock)
}

func (m *Migrate) check() error {
	if m.Pid <= 0 {
		return Invalid("pid %d is not a process number", m.Pid)
	}
	if m.To == "" {
		return Invalid("no place to migrate to")
	}
	return nil
}
