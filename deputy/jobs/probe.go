package jobs

import (
	"os"
	"strings"
)

// ProbeAttach tells when a deputy may trace here: by Yama's setting
// (Documentation/admin-guide/LSM/Yama.rst), where the kernel has that.
func ProbeAttach() AttachMode {
	text, err := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil {
		return AttachLate
	}
	switch strings.TrimSpace(string(text)) {
	case "0":
		return AttachLate
	case "1":
		return AttachEarly
	}
	return AttachNone
}
