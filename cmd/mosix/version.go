package main

import (
	"fmt"
	"runtime/debug"

	"umosix/wire"
	"umosix/wire/control"
)

// release is the version that is being worked towards.
const release = "0.1"

// version is the release and the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return release + "+" + setting.Value[:12]
		}
	}
	return release
}

func runVersion([]string) int {
	fmt.Printf("umosix %s, protocol %d, between daemons %d\n", version(), wire.Protocol, control.PeerProtocol)
	return 0
}
