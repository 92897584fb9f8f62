package control

import "umosix/wire"

// Status is what `mosctl status` prints.
type Status struct {
	Node     wire.NodeID `json:"node"`
	Pid      int         `json:"pid"`
	Version  string      `json:"version"`
	Listen   string      `json:"listen"`
	StateDir string      `json:"state_dir"`
	Map      string      `json:"map"`
	Flags    []string    `json:"flags"`
	Peers    []Neighbour `json:"peers"`
	Guests   int         `json:"guests"`
	Away     int         `json:"away"`
	Attach   string      `json:"attach"` // "late" or "early"
	Cage     string      `json:"cage"`
	MFS      *string     `json:"mfs"`
}

// Neighbour is another node as this one sees it.
type Neighbour struct {
	Node wire.NodeID `json:"node"`
	Host string      `json:"host"`
	Up   bool        `json:"up"`
	Age  int64       `json:"age_ms"` // since the last word from it, -1: never
}

// Process is one line of mosps.
type Process struct {
	Pid     int         `json:"pid"`
	PPid    int         `json:"ppid"`
	Job     string      `json:"job"`
	Home    wire.NodeID `json:"home"`
	Where   wire.NodeID `json:"where"` // 0: home
	State   string      `json:"state"` // the letter of ps
	Moves   int         `json:"nmigs"`
	Lock    bool        `json:"lock"`
	Pinned  *string     `json:"pinned"`
	CPU     float64     `json:"cpu_seconds"`
	RSS     uint64      `json:"rss_bytes"`
	Threads int         `json:"threads"`
	Command string      `json:"command"`
	Uid     int         `json:"uid"`
}

// Reason says why a process is where it is.
type Reason struct {
	Pid    int         `json:"pid"`
	Where  wire.NodeID `json:"where"`
	Lock   bool        `json:"lock"`
	Pinned *string     `json:"pinned"`
	Text   string      `json:"text"`
}

// IsUp answers /v1/isup/N.
type IsUp struct {
	Node wire.NodeID `json:"node"`
	Up   bool        `json:"up"`
}

// Report is what a job has used and what was done to it.
type Report struct {
	Job     string            `json:"job"`
	Wall    float64           `json:"wall_seconds"`
	CPUHere float64           `json:"cpu_home_seconds"` // as last sampled
	CPUAway float64           `json:"cpu_away_seconds"`
	Procs   int               `json:"processes"`
	Moves   int               `json:"moves"`
	Freeze  float64           `json:"freeze_seconds"` // of all moves
	Bytes   uint64            `json:"bytes"`
	Calls   map[string]uint64 `json:"calls"` // forwarded calls by name
	Lost    int               `json:"lost"`  // processes lost with their node
	// Pinned are the reasons for which processes had to be at home, and how often each of
	// them began.
	Pinned map[string]int `json:"pinned"`
}

// News is one line of /v1/jobs/JOB/watch; exactly one field is set. The Report
// is the last line.
type News struct {
	Event  *Event  `json:"event,omitempty"`
	Report *Report `json:"report,omitempty"`
}

// NodeLoad is one node as `mon --json` shows it.
type NodeLoad struct {
	Node        wire.NodeID `json:"node"`
	Host        string      `json:"host"`
	State       string      `json:"state"` // "up" or "dead"
	Load        float64     `json:"load"`
	Speed       uint32      `json:"speed"`
	CPUs        uint16      `json:"cpus"`
	MemTotal    uint64      `json:"mem_total"` // bytes
	MemFree     uint64      `json:"mem_free"`
	Utilisation float64     `json:"utilisation"` // of the CPUs, 0 to 1
	Guests      uint16      `json:"guests"`
	Away        uint16      `json:"away"`
	Age         int64       `json:"age_ms"`
}
