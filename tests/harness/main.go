package harness

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Names under which the one binary is linked into the directory of the binary
// under test.
var names = []string{
	"mosrun", "mosd", "migrate", "mosmigrate", "mon", "mosmon", "mosps", "mosctl",
	"tune", "mostune", "native", "mosnative", "mostop", "moskillall", "setpe",
	"runhome", "runon", "nomig",
}

var (
	base   string // directory of this test run; everyone may pass through it
	binDir string // the binary under test and its links
	mark   string // in the environment of everything that this test run starts
)

// seedFlag makes every random choice of a test run repeatable.
var seedFlag = flag.Int64("seed", 1, "first seed of random choices in tests")

// logsFlag is where the daemons' logs of failed tests are kept.
var logsFlag = flag.String("logs", "", "directory for the whole logs of the nodes of failed tests")

// Main runs the tests of a package with a directory of their own, collects
// orphans meanwhile, and exits with the tests' status.
func Main(m *testing.M) {
	if isInit() {
		runInit()
	}
	flag.Parse()
	hearHangups()
	os.Exit(run(m))
}

// hearHangups makes a hang-up end the tests even if whoever started them ignores it
// (nohup): what is ignored is so in all programs of the tests.
func hearHangups() {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, unix.SIGHUP)
	go func() {
		<-hangups
		os.Exit(1)
	}()
}

func run(m *testing.M) int {
	var err error
	if base, err = os.MkdirTemp("", "umosix-test-"); err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		return 1
	}
	defer os.RemoveAll(base)
	if err := os.Chmod(base, 0o711); err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		return 1
	}
	mark = "UMOSIX_TEST_RUN=" + filepath.Base(base)
	stop := startReaper()
	defer stop()
	return m.Run()
}

// Base is the directory of this test run: every user may pass through it, and it
// is removed at the end.
func Base() string { return base }

// Seed is the first seed of this run (-seed), to be printed where it is used.
func Seed() int64 { return *seedFlag }

// Seeds are the seeds for tests that run once per seed: three, or as many as
// the environment variable SEEDS says.
func Seeds() []int64 {
	count := 3
	if v, err := strconv.Atoi(os.Getenv("SEEDS")); err == nil && v > 0 {
		count = v
	}
	seeds := make([]int64, count)
	for i := range seeds {
		seeds[i] = Seed() + int64(i)
	}
	return seeds
}

// buildLimit bounds the build of the binary under test on a cold cache.
const buildLimit = 5 * time.Minute

var binaries = sync.OnceValues(build)

// build compiles the binary under test once and makes its links; MOSIX_BINARY
// names one to be used as it is.
func build() (string, error) {
	dir := filepath.Join(base, "bin")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	target := filepath.Join(dir, "mosix")
	if given := os.Getenv("MOSIX_BINARY"); given != "" {
		data, err := os.ReadFile(given)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(target, data, 0o755); err != nil {
			return "", err
		}
	} else {
		cmd := exec.Command("go", "build", "-o", target, "umosix/cmd/mosix")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := runBounded(cmd, buildLimit); err != nil {
			return "", fmt.Errorf("build umosix/cmd/mosix: %w\n%s", err, out)
		}
	}
	for _, name := range names {
		if err := os.Symlink("mosix", filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return dir, nil
}
