package remote

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		what                     string
		ahead, least, most, want int64
	}{
		{"it may be so", 100, 50, 150, 100},
		{"home is ahead of it", 100, 120, 150, 120},
		{"it is ahead of home", 100, 50, 90, 90},
		{"it is far ahead of home", 20_000_000, 0, 10, 15_000_000},
		{"behind", -2_000, -1_500, -1_000, -1_500},
	} {
		if got := within(c.ahead, c.least, c.most); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
}

func TestNotSetBack(t *testing.T) {
	const slow, other = -50_000_000, 1_000_000_000_000
	now := localClock(unix.CLOCK_REALTIME)
	for _, c := range []struct {
		what  string
		ahead offset
		told  int64
		least int64
	}{
		{"measured on a slow way", offset{wall: other + slow, otherWall: true}, now + other, other},
		{"measured well", offset{wall: other, otherWall: true}, now + other + slow, other},
		{"the same clock", offset{}, now + other, 0},
		{"an image that tells nothing", offset{wall: -other, otherWall: true}, 0, -other},
	} {
		x := &Executor{ahead: c.ahead}
		x.notSetBack(c.told)
		passed := localClock(unix.CLOCK_REALTIME) - now
		if got := x.ahead.wall; got > c.least || got < c.least-passed {
			t.Errorf("%s: %d, want %d", c.what, got, c.least)
		}
	}
}
