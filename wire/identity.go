package wire

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Kind says which part of a node holds a certificate.
type Kind string

// The kinds of holders.
const (
	KindMosd     Kind = "mosd"
	KindDeputy   Kind = "deputy"
	KindExecutor Kind = "executor"
)

// NoUid is the Uid of an identity that belongs to no user.
const NoUid = -1

// MaxJobName bounds the name of a job, in bytes.
const MaxJobName = 128

// maxIdentity bounds the text of an identity; a job's name grows by escaping.
const maxIdentity = 64 + 3*MaxJobName

// Identity says for whom a node's mosd issued a certificate. It is the only name
// that a certificate carries: a URI of the form
//
//	umosix://node/NODE/KIND/JOB/UID
//
// in which a missing job or uid is "-".
type Identity struct {
	Node NodeID
	Kind Kind
	Job  string // empty for a mosd
	Uid  int    // NoUid for a mosd
}

// Validate says what is wrong with an identity, nil if nothing is.
func (id Identity) Validate() error {
	switch {
	case id.Node == Home:
		return errors.New("identity: no node")
	case id.Kind != KindMosd && id.Kind != KindDeputy && id.Kind != KindExecutor:
		return fmt.Errorf("identity: unknown kind %q", string(id.Kind))
	case id.Kind != KindMosd && id.Job == "":
		return fmt.Errorf("identity: a %s needs a job", id.Kind)
	case id.Job == "-" || len(id.Job) > MaxJobName || strings.ContainsRune(id.Job, 0):
		return fmt.Errorf("identity: bad job name %.40q", id.Job)
	case id.Uid < NoUid || int64(id.Uid) > 1<<32-2:
		return fmt.Errorf("identity: bad uid %d", id.Uid)
	}
	return nil
}

// String prints the identity as the URI of a certificate.
func (id Identity) String() string {
	job, uid := "-", "-"
	if id.Job != "" {
		job = url.PathEscape(id.Job)
	}
	if id.Uid != NoUid {
		uid = strconv.Itoa(id.Uid)
	}
	return fmt.Sprintf("umosix://node/%d/%s/%s/%s", id.Node, id.Kind, job, uid)
}

// ParseIdentity reads what String wrote. Nothing else is taken: one identity has
// one text.
func ParseIdentity(s string) (Identity, error) {
	bad := func() (Identity, error) { return Identity{}, fmt.Errorf("identity: bad URI %.80q", s) }
	rest, ok := strings.CutPrefix(s, "umosix://node/")
	parts := strings.Split(rest, "/")
	if !ok || len(s) > maxIdentity || len(parts) != 4 {
		return bad()
	}
	node, err := strconv.ParseUint(parts[0], 10, 16)
	if err != nil {
		return bad()
	}
	id := Identity{Node: NodeID(node), Kind: Kind(parts[1]), Uid: NoUid}
	if parts[2] != "-" {
		if id.Job, err = url.PathUnescape(parts[2]); err != nil {
			return bad()
		}
	}
	if parts[3] != "-" {
		uid, err := strconv.ParseUint(parts[3], 10, 32)
		if err != nil {
			return bad()
		}
		id.Uid = int(uid)
	}
	if id.Validate() != nil || id.String() != s {
		return bad()
	}
	return id, nil
}
