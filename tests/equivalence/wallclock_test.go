package equivalence

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"umosix/tests/harness"
)

// clocks give one of three nodes another wall clock than the others have.
var clocks = []time.Duration{0, 0, 1500 * time.Millisecond}

// TestWallClockIsHome gives a home a clock that nobody else has: its programs see that
// clock away, by the vdso and by calls, and so do their children. It goes on for longer
// than the pace at which an executor looks at its clock again.
func TestWallClockIsHome(t *testing.T) {
	const ahead, script = 1000 * time.Second, `
		use Time::HiRes qw(time clock_gettime CLOCK_REALTIME);
		my ($first, $last, $end) = (time, 0, clock_gettime(Time::HiRes::CLOCK_MONOTONIC) + 3);
		while (clock_gettime(Time::HiRes::CLOCK_MONOTONIC) < $end) {
			my $now = time;
			die "set back from $last to $now" if $now < $last;
			$last = $now;
			my $call = syscall(201, 0);
			die "called: $call, told: $now" if $call < int($now) or $call > $now + 1;
		}
		my $pid = fork;
		if (!$pid) { my $now = time; die "child: $now after $last" if $now < $last or $now > $last + 60; exit 0 }
		waitpid $pid, 0;
		printf "%.6f %.6f %d\n", $first, $last, $?;`
	stormClustersOf(t, harness.Cluster{Nodes: 2, Clocks: []time.Duration{ahead, -time.Hour}}, func(t *testing.T, c *harness.Nodes) {
		before := time.Now()
		r := c.Node(1).Run("mosrun", "-q", "-2", "--", "perl", "-e", script)
		after := time.Now()
		var first, last float64
		var status int
		if _, err := fmt.Fscanf(strings.NewReader(string(r.Stdout)), "%f %f %d\n", &first, &last, &status); err != nil || status != 0 {
			t.Fatal(r)
		}
		seconds := func(t time.Time) float64 { return float64(t.Add(ahead).UnixMicro()) / 1e6 }
		if first < seconds(before) || last > seconds(after) {
			t.Errorf("it saw %.6f to %.6f, home's clock was %.6f to %.6f", first, last, seconds(before), seconds(after))
		}
	})
}
