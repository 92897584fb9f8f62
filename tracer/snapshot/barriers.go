package snapshot

import (
	"golang.org/x/sys/unix"

	"umosix/tracer/image"
)

// Commands of membarrier (man membarrier, include/uapi/linux/membarrier.h). Each one that
// registers a process is twice the one that it allows.
const (
	barrierQuery         = 0
	barrierRegisterings  = 1<<2 | 1<<4 | 1<<6 | 1<<8
	barrierRegistrations = 1 << 9 // GET_REGISTRATIONS, since Linux 6.3
)

// takeBarriers tells the commands that have registered the process. A kernel that
// cannot tell leaves all of them: more only allows what would have failed.
func (s *Subject) takeBarriers(to *uint64) error {
	return s.enqueue(s.Caller, func(ret int64) (err error) {
		if ret < 0 {
			ret, err = s.raw(s.Caller, unix.SYS_MEMBARRIER, barrierQuery, 0, 0)
		}
		if err == nil && ret >= 0 { // else it has no such call
			*to = uint64(ret) & barrierRegisterings
		}
		return err
	}, unix.SYS_MEMBARRIER, barrierRegistrations, 0, 0)
}

// finishBarriers registers the process as it was; again does no harm.
func (s *Subject) finishBarriers(img *image.Image) error {
	for missing := img.Process.Barriers & barrierRegisterings; missing != 0; missing &= missing - 1 {
		if err := s.later("membarrier", unix.SYS_MEMBARRIER, missing&-missing, 0, 0); err != nil {
			return err
		}
	}
	return nil
}
