package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// maxMapSize bounds the file, in bytes.
const maxMapSize = 1 << 20

// resolveTime bounds the look-up of one host name.
const resolveTime = 5 * time.Second

// Resolver turns a host name into its addresses; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// LoadMap reads and checks a map file and resolves its names. Errors name the
// file and the line.
func LoadMap(ctx context.Context, path string) (*Map, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	defer f.Close()
	return ReadMap(ctx, path, f, net.DefaultResolver)
}

// ReadMap does what LoadMap does with text that is already at hand; name stands
// in errors where the file's name would.
func ReadMap(ctx context.Context, name string, r io.Reader, resolver Resolver) (*Map, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxMapSize+1))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", name, err)
	}
	if len(text) > maxMapSize {
		return nil, fmt.Errorf("map %s: larger than %d bytes", name, maxMapSize)
	}
	lines, err := parseMap(name, text)
	if err != nil {
		return nil, err
	}
	b := newMapBuilder(name, lines)
	for _, l := range lines {
		addr, err := resolve(ctx, resolver, l.host)
		if err == nil {
			err = b.add(l, addr)
		}
		if err != nil {
			return nil, lineError(name, l.number, err)
		}
	}
	return b.finish()
}

// parseMap splits the text into lines of the right syntax.
func parseMap(name string, text []byte) ([]mapLine, error) {
	var lines []mapLine
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, maxMapSize+1)
	for n := 1; scanner.Scan(); n++ {
		content, _, _ := strings.Cut(scanner.Text(), "#")
		if strings.TrimSpace(content) == "" {
			continue
		}
		l, err := parseMapLine(content)
		if err != nil {
			return nil, lineError(name, n, err)
		}
		l.number = n
		lines = append(lines, l)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("map %s: %w", name, err)
	}
	return lines, nil
}

// resolve is the one address that a host of the map stands for: the first IPv4
// address of a name, else its first IPv6 address.
func resolve(ctx context.Context, resolver Resolver, host string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	addrs, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("host %s can't be resolved: %w", host, err)
	}
	var found netip.Addr
	for _, a := range addrs {
		a = a.Unmap()
		if a.Is4() {
			found = a
			break
		}
		if !found.IsValid() {
			found = a
		}
	}
	if !found.IsValid() {
		return found, fmt.Errorf("host %s has no address", host)
	}
	return found.WithZone(""), checkAddr(found.WithZone(""))
}

// LineError is a mistake in a configuration file.
type LineError struct {
	File string
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

func (e *LineError) Unwrap() error { return e.Err }

func lineError(file string, line int, err error) error {
	var already *LineError
	if errors.As(err, &already) {
		return err
	}
	return &LineError{File: file, Line: line, Err: err}
}
