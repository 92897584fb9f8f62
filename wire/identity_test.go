package wire

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestIdentityText(t *testing.T) {
	for _, c := range []struct {
		id   Identity
		text string
	}{
		{Identity{Node: 3, Kind: KindMosd, Uid: NoUid}, "umosix://node/3/mosd/-/-"},
		{Identity{Node: 65535, Kind: KindDeputy, Job: "a1", Uid: 0}, "umosix://node/65535/deputy/a1/0"},
		{Identity{Node: 1, Kind: KindExecutor, Job: "a/b c", Uid: 1000}, "umosix://node/1/executor/a%2Fb%20c/1000"},
	} {
		if got := c.id.String(); got != c.text {
			t.Errorf("%+v prints as %s, want %s", c.id, got, c.text)
		}
		if got, err := ParseIdentity(c.text); err != nil || got != c.id {
			t.Errorf("%s parses as %+v, %v", c.text, got, err)
		}
	}
}

func TestIdentityRefuses(t *testing.T) {
	for _, s := range []string{
		"", "umosix://node/", "umosix://node/0/mosd/-/-", "umosix://node/65536/mosd/-/-",
		"umosix://node/01/mosd/-/-", "umosix://node/1/king/-/-", "umosix://node/1/deputy/-/0",
		"umosix://node/1/mosd/-/-/", "umosix://node/1/deputy/a/-1", "umosix://node/1/deputy/a/4294967295",
		"umosix://node/1/deputy/%61/0", "http://node/1/mosd/-/-",
		"umosix://node/1/deputy/" + strings.Repeat("a", MaxJobName+1) + "/0",
	} {
		if id, err := ParseIdentity(s); err == nil {
			t.Errorf("%q was taken as %+v", s, id)
		}
	}
}

func TestIdentityRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := Identity{
			Node: NodeID(rapid.Uint16Min(1).Draw(t, "node")),
			Kind: rapid.SampledFrom([]Kind{KindMosd, KindDeputy, KindExecutor}).Draw(t, "kind"),
			Job:  rapid.StringN(1, 20, MaxJobName).Draw(t, "job"),
			Uid:  rapid.IntRange(NoUid, 1<<32-2).Draw(t, "uid"),
		}
		if id.Validate() != nil {
			t.Skip("not an identity")
		}
		if got, err := ParseIdentity(id.String()); err != nil || got != id {
			t.Fatalf("%+v came back as %+v, %v", id, got, err)
		}
	})
}
