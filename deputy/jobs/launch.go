package jobs

import (
	"path/filepath"
	"syscall"

	"umosix/wire/control"
)

// Launch starts the deputy of a job that belongs to owner.
type Launch func(job string, owner Owner) (control.Running, error)

// launch is the Launch of a real mosd.
func (cfg *Config) launch(job string, owner Owner) (control.Running, error) {
	half := control.Half{Name: "deputy", Job: job, Log: filepath.Join(cfg.Dir, "deputy.log")}
	if owner.Uid != cfg.Uid {
		half.User = owner.credential()
	}
	return control.StartHalf(half)
}

func (o Owner) credential() *syscall.Credential {
	groups := make([]uint32, len(o.Groups))
	for i, g := range o.Groups {
		groups[i] = uint32(g)
	}
	return &syscall.Credential{Uid: uint32(o.Uid), Gid: uint32(o.Gid), Groups: groups}
}
