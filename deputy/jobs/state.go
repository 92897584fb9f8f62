package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"umosix/wire"
	"umosix/wire/control"
)

// jobsDir is the directory of the small files, one a job, that tell a new mosd
// which processes are in jobs.
const jobsDir = "jobs"

// maxStateFile bounds what is read of such a file, in bytes.
const maxStateFile = 16 << 20

// jobRecord is the contents of a state file.
type jobRecord struct {
	ID      string          `json:"id"`
	Tag     string          `json:"tag,omitempty"`
	Owner   Owner           `json:"owner"`
	Options control.Options `json:"options"`
	Began   time.Time       `json:"began"`
	Deputy  procRecord      `json:"deputy"`
	Procs   []procRecord    `json:"procs"`
	Left    []procRecord    `json:"left,omitempty"`
}

// procRecord names a process for good: the number and the start time.
type procRecord struct {
	Pid   int         `json:"pid,omitempty"`
	Start uint64      `json:"start,omitempty"`
	Lock  bool        `json:"lock,omitempty"`
	Where wire.NodeID `json:"where,omitempty"`
	Moves int         `json:"moves,omitempty"`
}

func (r *Registry) stateFile(id string) string {
	return filepath.Join(r.cfg.Dir, jobsDir, id+".json")
}

// saveLater is how long what has changed may wait for more. A mosd that dies meanwhile
// loses nothing that its successor does not find: children by their parents, and where
// they are by their deputy.
const saveLater = 50 * time.Millisecond

// saveSoon writes the state file of a job of which processes come and go.
func (r *Registry) saveSoon(j *job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saveSoonLocked(j)
}

// saveSoonLocked is saveSoon with mu held.
func (r *Registry) saveSoonLocked(j *job) {
	if j.unsaved {
		return
	}
	j.unsaved = true
	r.spawn(func() {
		select {
		case <-time.After(saveLater):
		case <-r.life.Done():
		}
		r.save(j)
	})
}

// save writes the state file of a job; that of a job that is over stays away.
func (r *Registry) save(j *job) {
	r.saving.Lock()
	defer r.saving.Unlock()
	r.mu.Lock()
	j.unsaved = false
	record := j.record()
	over := r.overLocked(j)
	r.mu.Unlock()
	if over {
		os.Remove(r.stateFile(j.id))
		return
	}
	if err := writeRecord(r.stateFile(j.id), record); err != nil {
		r.log.Warn().Err(err).Str(fieldJob, j.id).Msg("job not recorded: a new mosd would not find it")
	}
	r.mu.Lock()
	over = r.overLocked(j) // meanwhile
	r.mu.Unlock()
	if over {
		os.Remove(r.stateFile(j.id))
	}
}

// record is called with mu held.
func (j *job) record() jobRecord {
	record := jobRecord{ID: j.id, Tag: j.tag, Owner: j.owner, Options: j.opts, Began: j.began}
	if j.deputy != nil {
		record.Deputy = procRecord{Pid: j.deputy.pid, Start: j.deputy.start}
	}
	if j.orphan != nil {
		record.Deputy = procRecord{Pid: j.orphan.pid, Start: j.orphan.start}
	}
	for _, p := range j.procs {
		record.Procs = append(record.Procs, procRecord{
			Pid: p.pid, Start: p.start, Lock: p.lock, Where: p.said.Where, Moves: p.counted().moves,
		})
	}
	for pid, start := range j.left {
		record.Left = append(record.Left, procRecord{Pid: pid, Start: start})
	}
	return record
}

// writeRecord replaces the file in one step.
func writeRecord(path string, record jobRecord) error {
	text, err := json.Marshal(record)
	if err != nil {
		return err
	}
	next := path + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// restore takes up the jobs of an earlier mosd whose processes still live, and
// removes the files of the others.
func (r *Registry) restore() {
	entries, err := os.ReadDir(filepath.Join(r.cfg.Dir, jobsDir))
	if err != nil {
		return
	}
	for _, entry := range entries {
		path := filepath.Join(r.cfg.Dir, jobsDir, entry.Name())
		record, err := readRecord(path)
		if err != nil {
			r.log.Warn().Err(err).Msg("job not found again")
		}
		if err != nil || !r.revive(record) {
			os.Remove(path)
		}
	}
}

func readRecord(path string) (jobRecord, error) {
	var record jobRecord
	id, ok := strings.CutSuffix(filepath.Base(path), ".json")
	if !ok {
		return record, fmt.Errorf("%s is no state file of a job", path)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return record, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxStateFile {
		return record, fmt.Errorf("%s: %w", path, fs.ErrInvalid)
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &record)
	}
	if err == nil && record.ID != id {
		err = errors.New("it names another job")
	}
	if err != nil {
		return record, fmt.Errorf("%s: %w", path, err)
	}
	return record, nil
}

// revive makes a job of a record, if any of its processes is still there.
func (r *Registry) revive(record jobRecord) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := r.newJobLocked(record.ID, record.Tag, record.Owner, record.Options)
	j.began = record.Began
	for _, known := range record.Left {
		j.left[known.Pid] = known.Start
	}
	if alive(record.Deputy.Pid, record.Deputy.Start) {
		j.orphan = &orphan{pid: record.Deputy.Pid, start: record.Deputy.Start, joined: make(chan struct{})}
	}
	for _, known := range record.Procs {
		if !alive(known.Pid, known.Start) {
			continue
		}
		p := r.addLocked(j, known.Pid, known.Start)
		p.lock = known.Lock
		p.before.moves = known.Moves
		if j.orphan != nil {
			p.said.Where = known.Where
		}
	}
	if len(j.procs) == 0 {
		delete(r.jobs, j.id)
		return false
	}
	r.log.Info().Str(fieldJob, j.id).Int("processes", len(j.procs)).Msg("job found again")
	return true
}
