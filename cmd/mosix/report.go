package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"umosix/wire/control"
)

// startReporter leaves a process behind that waits for the end of the job and
// says what became of it. It is not the program's child and has a session of its
// own: the first process that is made here ends as soon as it has made the
// second. That has to be over before this process is registered, or mosd would
// count the two to the job; the returned pipe tells the job's name later.
func (r *run) startReporter(socket string) (tell *os.File, err error) {
	reader, tell, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	out := os.Stderr
	if r.reportFile != "" {
		if out, err = os.Create(r.reportFile); err != nil {
			tell.Close()
			return nil, err
		}
		defer out.Close()
	}
	warn := "quiet"
	if r.options.Warn {
		warn = "warn"
	}
	argv := []string{"mosix", "report", "first", socket, cmp.Or(r.report, "none"), warn}
	pid, err := syscall.ForkExec("/proc/self/exe", argv, &syscall.ProcAttr{
		Env:   []string{},
		Files: []uintptr{reader.Fd(), out.Fd(), 2},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		tell.Close()
		return nil, err
	}
	return tell, reap(pid)
}

func reap(pid int) error {
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			return err
		}
	}
}

// runReport is the process that startReporter makes: `mosix report STAGE SOCKET
// FORMAT WARN`. It reads the job's name from its standard input; the report goes
// to its standard output, warnings to its standard error.
func runReport(args []string) int {
	if len(args) != 5 {
		fmt.Fprintln(os.Stderr, "mosix report: this is started by mosrun only")
		return exitUsage
	}
	if args[1] == "first" {
		if err := keepDescriptors(); err != nil {
			return report("mosrun", err)
		}
		again := append([]string{"mosix", "report", "second"}, args[2:]...)
		_, err := syscall.ForkExec("/proc/self/exe", again, &syscall.ProcAttr{Dir: "/", Env: []string{}, Files: []uintptr{0, 1, 2}})
		return report("mosrun", err)
	}
	client := control.Client{Socket: args[2]}
	// Inside of a job it is one of its processes, and would wait for itself.
	_ = client.Post("/v1/leave", control.OfPid{Pid: os.Getpid()}, nil)
	job, err := io.ReadAll(io.LimitReader(os.Stdin, 256))
	if err != nil || len(job) == 0 {
		return 0 // mosrun did not get as far as to have a job
	}
	r := reporter{client: client, job: string(job), format: args[3], warn: args[4] == "warn"}
	return report("mosrun", r.wait())
}

// reporter waits for the end of a job.
type reporter struct {
	client control.Client
	job    string
	format string // text, json or none
	warn   bool
}

// rejoinTime is how long a reporter looks for a new mosd when its own has gone.
const rejoinTime = 10 * time.Second

// wait watches the job until it has ended, through the end of a mosd.
func (r *reporter) wait() error {
	var gone time.Time
	for {
		done := false
		err := r.client.Watch(r.job, func(news control.News) error {
			done = news.Report != nil
			gone = time.Time{}
			return r.tell(news)
		})
		if done {
			return err
		}
		if gone.IsZero() {
			gone = time.Now()
		}
		if time.Since(gone) > rejoinTime {
			return fmt.Errorf("no report of job %s: %w", r.job, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (r *reporter) tell(news control.News) error {
	if event := news.Event; event != nil {
		if event.Kind == "refused" || event.Kind == "lost" || event.Kind == "pinned" && r.warn {
			fmt.Fprintf(os.Stderr, "mosrun: process %d %s: %s\n", event.Pid, event.Kind, event.Text)
		}
		return nil
	}
	switch r.format {
	case "json":
		return printJSON(os.Stdout, news.Report)
	case "text":
		return printReport(os.Stdout, news.Report)
	}
	return nil
}

func printReport(w io.Writer, r *control.Report) error {
	text := fmt.Sprintf("mosrun: job %s: %.2f s, %d processes\n"+
		"mosrun: CPU %.2f s at home, %.2f s away; %d moves, frozen %.1f ms; %d bytes moved\n",
		r.Job, r.Wall, r.Procs, r.CPUHere, r.CPUAway, r.Moves, 1e3*r.Freeze, r.Bytes)
	if r.Lost > 0 {
		text += fmt.Sprintf("mosrun: %d processes were lost with their node\n", r.Lost)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Pinned)) {
		text += fmt.Sprintf("mosrun: at home, %d times: %s\n", r.Pinned[reason], reason)
	}
	type call struct {
		name string
		n    uint64
	}
	var calls []call
	for name, n := range r.Calls {
		calls = append(calls, call{name, n})
	}
	slices.SortFunc(calls, func(a, b call) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name))
	})
	for _, c := range calls {
		text += fmt.Sprintf("mosrun: %10d %s\n", c.n, c.name)
	}
	_, err := io.WriteString(w, text)
	return err
}
