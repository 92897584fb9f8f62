package remote

import "testing"

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
