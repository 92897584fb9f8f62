package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds an answer of mosd, in bytes.
const maxAnswer = 64 << 20

// ErrAbsent is wrapped by errors that mean: no mosd answers at that socket.
var ErrAbsent = errors.New("no mosd answers")

// Client speaks to the mosd at a control socket. It writes its requests by
// hand: mosrun is on its way to exec and cannot wait for an HTTP library.
type Client struct {
	Socket  string
	Timeout time.Duration // for a whole call; 0: 30 s
}

// Get asks a verb without a body; out may be nil. Errors of mosd are *Failure;
// a daemon that cannot be reached is ErrAbsent.
func (c *Client) Get(path string, out any) error { return c.call("GET", path, nil, out) }

// Post asks a verb with a body; out may be nil. Errors as Get.
func (c *Client) Post(path string, in, out any) error { return c.call("POST", path, in, out) }

func (c *Client) call(method, path string, in, out any) error {
	conn, body, err := c.open(method, path, in)
	if err != nil {
		return err
	}
	defer conn.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("control: answer to %s %s: %w", method, path, err)
	}
	return nil
}

// Watch calls tell for every line of news about a job until it has ended (nil),
// mosd goes away or tell fails. It waits as long as the job lasts.
func (c *Client) Watch(job string, tell func(News) error) error {
	conn, body, err := c.open("GET", "/v1/jobs/"+job+"/watch", nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.forever()
	for lines := json.NewDecoder(body); ; {
		var news News
		if err := lines.Decode(&news); err != nil {
			return fmt.Errorf("control: watching job %s: %w", job, err)
		}
		if err := tell(news); err != nil || news.Report != nil {
			return err
		}
	}
}

// open sends a request and reads the answer up to its body. HTTP/1.0 keeps the
// answer plain: it ends where the connection ends.
func (c *Client) open(method, path string, in any) (*socket, io.Reader, error) {
	request, err := compose(method, path, in)
	if err != nil {
		return nil, nil, err
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	conn, err := dial(c.Socket, timeout)
	if err != nil {
		return nil, nil, fmt.Errorf("%w at %s: %v", ErrAbsent, c.Socket, err)
	}
	body, err := converse(conn, request)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, body, nil
}

func compose(method, path string, in any) ([]byte, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, fmt.Errorf("control: request %s: %w", path, err)
		}
	}
	head := method + " " + path + " HTTP/1.0\r\nHost: mosix\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n"
	return append([]byte(head), body...), nil
}

// converse sends the request and returns the body of a good answer.
func converse(conn io.ReadWriter, request []byte) (io.Reader, error) {
	if _, err := conn.Write(request); err != nil {
		return nil, fmt.Errorf("control: asking mosd: %w", err)
	}
	reader := bufio.NewReader(io.LimitReader(conn, maxAnswer))
	status, err := readHead(reader)
	if err != nil {
		return nil, fmt.Errorf("control: answer of mosd: %w", err)
	}
	if status/100 == 2 {
		return reader, nil
	}
	failure := &Failure{Status: status}
	if err := json.NewDecoder(reader).Decode(failure); err != nil || failure.Text == "" {
		failure.Text = "mosd answers HTTP status " + strconv.Itoa(status)
	}
	return nil, failure
}

// readHead reads the status line and skips the headers.
func readHead(reader *bufio.Reader) (status int, err error) {
	for first := true; ; first = false {
		text, err := reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line := strings.TrimRight(string(text), "\r\n")
		if line == "" {
			return status, nil
		}
		if !first {
			continue
		}
		if status, err = parseStatus(line); err != nil {
			return 0, err
		}
	}
}

func parseStatus(line string) (int, error) {
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if !strings.HasPrefix(version, "HTTP/1.") || err != nil {
		return 0, fmt.Errorf("%q is no HTTP status line", line)
	}
	return status, nil
}

// Answers tells whether somebody listens at a control socket: nil, or why not.
func Answers(path string) error {
	conn, err := dial(path, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}
