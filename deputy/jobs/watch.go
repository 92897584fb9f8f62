package jobs

import (
	"context"
	"maps"

	"umosix/wire/control"
)

// The bounds on what is kept for those who watch jobs.
const (
	maxReports = 256 // of jobs that have ended, for watchers that come late
	maxNews    = 256 // events that one watcher has not taken yet; more are dropped
	maxReasons = 100 // in the report of one job
	maxEarly   = 50  // events for watchers that come late
)

// watcher is somebody who waits for the end of a job.
type watcher struct{ news chan control.Event }

// Watch tells the events of a job as they come, and its report when it is over. The zero
// News comes first, when the job is found.
func (r *Registry) Watch(ctx context.Context, who control.Caller, id string, tell func(control.News) error) error {
	w := &watcher{news: make(chan control.Event, maxNews)}
	j, ended, err := r.follow(who, id, w)
	if err != nil {
		return err
	}
	if ended != nil {
		return tellLast(w, ended, tell)
	}
	defer r.unfollow(j, w)
	if err := tell(control.News{}); err != nil {
		return err
	}
	for {
		select {
		case event := <-w.news:
			if err := tell(control.News{Event: &event}); err != nil {
				return err
			}
		case <-j.over:
			return r.last(j, w, tell)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow registers a watcher, or finds the report of a job that is over.
func (r *Registry) follow(who control.Caller, id string, w *watcher) (*job, *control.Report, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if report, ok := r.reports[id]; ok && who.May(report.uid) {
		w.hear(report.early)
		return nil, &report.Report, nil
	}
	j := r.jobs[id]
	if j == nil {
		return nil, nil, control.NotFound("there is no job %s on this node", id)
	}
	if !who.May(j.owner.Uid) {
		return nil, nil, control.Forbidden("job %s belongs to uid %d", id, j.owner.Uid)
	}
	j.watchers[w] = struct{}{}
	w.hear(j.early)
	return j, nil, nil
}

// hear takes the events that there were before.
func (w *watcher) hear(early []control.Event) {
	for _, event := range early {
		w.news <- event
	}
}

func (r *Registry) unfollow(j *job, w *watcher) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(j.watchers, w)
}

// last tells the events that are left, then the report.
func (r *Registry) last(j *job, w *watcher, tell func(control.News) error) error {
	r.mu.Lock()
	report := j.total
	r.mu.Unlock()
	return tellLast(w, &report, tell)
}

// tellLast tells the events that a watcher has not taken yet, then the report.
func tellLast(w *watcher, report *control.Report, tell func(control.News) error) error {
	for {
		select {
		case event := <-w.news:
			if err := tell(control.News{Event: &event}); err != nil {
				return err
			}
		default:
			return tell(control.News{Report: report})
		}
	}
}

// happened passes an event on to whoever watches the job. A watcher that does
// not keep up misses some, and nobody is told twice in a row of the same reason.
func (r *Registry) happened(j *job, event *control.Event) {
	r.log.Debug().Str(fieldJob, j.id).Int(fieldPid, event.Pid).Str("kind", event.Kind).Msg(event.Text)
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := j.procs[event.Pid]; p != nil && event.Kind == "pinned" {
		if p.pinned == event.Text {
			return
		}
		p.pinned = event.Text
	}
	if event.Kind == "pinned" {
		j.countReason(event.Text)
	}
	if len(j.early) < maxEarly {
		j.early = append(j.early, *event)
	}
	for w := range j.watchers {
		select {
		case w.news <- *event:
		default:
		}
	}
}

// countReason counts a reason to be at home for the report. Called with mu held.
func (j *job) countReason(reason string) {
	reasons := maps.Clone(j.total.Pinned) // a watcher may be reading the old one
	if _, known := reasons[reason]; known || len(reasons) < maxReasons {
		reasons[reason]++
	}
	j.total.Pinned = reasons
}

// endedJob is the report of a job that is over, and whose it was.
type endedJob struct {
	control.Report
	uid   int
	early []control.Event
}

// keepReportLocked keeps the report of a job for watchers that come late: the
// program of a short job has ended before its reporter has begun. Called with
// mu held.
func (r *Registry) keepReportLocked(j *job) {
	r.reports[j.id] = endedJob{Report: j.total, uid: j.owner.Uid, early: j.early}
	r.oldest = append(r.oldest, j.id)
	if len(r.oldest) > maxReports {
		delete(r.reports, r.oldest[0])
		r.oldest = r.oldest[1:]
	}
}
