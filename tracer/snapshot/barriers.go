package snapshot

import (
	"fmt"

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
func (s *Subject) takeBarriers() (uint64, error) {
	for _, command := range []uint64{barrierRegistrations, barrierQuery} {
		ret, err := s.Caller.Call(unix.SYS_MEMBARRIER, command, 0, 0)
		if err != nil {
			return 0, fmt.Errorf("membarrier: %w", err)
		}
		if ret >= 0 {
			return uint64(ret) & barrierRegisterings, nil
		}
	}
	return 0, nil // it has no such call
}

// finishBarriers registers the process as it was.
func (s *Subject) finishBarriers(img *image.Image) error {
	if img.Process.Barriers == 0 {
		return nil
	}
	have, err := s.takeBarriers()
	if err != nil {
		return err
	}
	for missing := img.Process.Barriers & barrierRegisterings &^ have; missing != 0; missing &= missing - 1 {
		if _, err := s.call("membarrier", unix.SYS_MEMBARRIER, missing&-missing, 0, 0); err != nil {
			return err
		}
	}
	return nil
}
