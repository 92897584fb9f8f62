package deputy

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"umosix/wire/control"
)

// maxLine bounds a line from mosd, in bytes.
const maxLine = 1 << 20

// channel is the private line to mosd.
type channel struct {
	in  *bufio.Scanner
	mu  sync.Mutex // guards out
	out *os.File
}

// openChannel reads the first line, which says what the deputy is for.
func openChannel(conn *os.File) (*channel, control.Start, error) {
	c := &channel{in: bufio.NewScanner(conn), out: conn}
	c.in.Buffer(nil, maxLine)
	var start control.Start
	if !c.in.Scan() {
		return nil, start, errors.Join(errors.New("the channel to mosd ended before it began"), c.in.Err())
	}
	if err := json.Unmarshal(c.in.Bytes(), &start); err != nil {
		return nil, start, fmt.Errorf("first line from mosd: %w", err)
	}
	return c, start, nil
}

// receive hands on the requests of mosd, and closes the channel when mosd is gone.
func (c *channel) receive(requests chan<- control.ToDeputy) {
	defer close(requests)
	for c.in.Scan() {
		var r control.ToDeputy
		if json.Unmarshal(c.in.Bytes(), &r) != nil {
			return
		}
		requests <- r
	}
}

// send tells mosd; when mosd is gone nobody needs to know.
func (c *channel) send(f control.FromDeputy) {
	line, err := json.Marshal(f)
	if err != nil {
		panic(fmt.Sprintf("deputy: encode %+v: %v", f, err))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Write(append(line, '\n'))
}
