package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// MaxLine bounds one line on a channel, in bytes.
const MaxLine = 1 << 20

// ErrLine is wrapped by errors about a line that is too long or not understood.
var ErrLine = errors.New("bad line on the channel")

// Lines is one end of a channel: JSON objects, one on a line. Send may be used
// by several goroutines at once, Receive by one.
type Lines struct {
	rwc     io.ReadWriteCloser
	reader  *bufio.Reader
	writing sync.Mutex
}

// NewLines speaks over a stream that it owns from now on.
func NewLines(rwc io.ReadWriteCloser) *Lines {
	return &Lines{rwc: rwc, reader: bufio.NewReaderSize(rwc, 64<<10)}
}

// Send writes one line in one piece.
func (l *Lines) Send(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("control: line: %w", err)
	}
	if len(text) >= MaxLine {
		return fmt.Errorf("control: line of %d bytes: %w", len(text), ErrLine)
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	_, err = l.rwc.Write(append(text, '\n'))
	return err
}

// Receive reads one line into v. At the end of the channel it returns io.EOF.
func (l *Lines) Receive(v any) error {
	text, err := l.line()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("control: %w: %v", ErrLine, err)
	}
	return nil
}

// line reads up to the next line end; the text is valid until the next call.
func (l *Lines) line() ([]byte, error) {
	text, err := l.reader.ReadSlice('\n')
	if err == nil {
		return text, nil
	}
	long := append([]byte(nil), text...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(long) > MaxLine {
			return nil, fmt.Errorf("control: %w: longer than %d bytes", ErrLine, MaxLine)
		}
		text, err = l.reader.ReadSlice('\n')
		long = append(long, text...)
	}
	return long, err
}

// Close ends the channel in both directions.
func (l *Lines) Close() error { return l.rwc.Close() }
