package host

import (
	"strings"
	"testing"
	"time"

	"umosix/wire/cluster"
	"umosix/wire/control"
)

func TestPolicy(t *testing.T) {
	job := func(uid int) control.Admit { return control.Admit{Job: "1-a", Home: 2, Uid: uid} }
	sized := func(memory uint64) control.Admit {
		return control.Admit{Job: "1-a", Home: 2, Uid: 1000, Memory: memory}
	}
	for _, test := range []struct {
		name    string
		conf    string
		blocked bool
		ask     control.Admit
		refusal string
	}{
		{name: "a user", ask: job(1000)},
		{name: "blocked", blocked: true, ask: job(1000), refusal: "mosctl block"},
		{name: "no guests", conf: "guests no", ask: job(1000), refusal: "guests no"},
		{name: "a listed user", conf: "guests 1000-1999", ask: job(1000)},
		{name: "another user", conf: "guests 1000-1999", ask: job(2000), refusal: "uid 2000"},
		{name: "root", ask: job(0), refusal: "root-ok"},
		{name: "root of a good node", conf: "root-ok 2-3", ask: job(0)},
		{name: "root of another node", conf: "root-ok 3", ask: job(0), refusal: "root-ok"},
		{name: "root is not on the list", conf: "root-ok 2\nguests 1000", ask: job(0), refusal: "uid 0"},
		{name: "in another's name", ask: control.Admit{Job: "1-a", Home: 3, Uid: 1000}, refusal: "in the name of node 3"},
		{name: "no job", ask: control.Admit{Home: 2, Uid: 1000}, refusal: "no good name"},
		{name: "a long job", ask: control.Admit{Job: strings.Repeat("x", 500), Home: 2, Uid: 1000}, refusal: "no good name"},
		{name: "no uid", ask: job(-1), refusal: "uid -1"},
		{name: "as large as what is free", ask: sized(100 << 20)},
		{name: "larger", ask: sized(100<<20 + 1), refusal: "it is full: 100 MB of its memory are free and the process has 101 MB"},
		{name: "a reserve", conf: "memory-reserve 40", ask: sized(60 << 20)},
		{name: "larger than the reserve allows", conf: "memory-reserve 40", ask: sized(60<<20 + 1), refusal: "(memory-reserve 40 in its mosix.conf)"},
		{name: "less than the reserve is free", conf: "memory-reserve 101", ask: job(1000), refusal: "it is full"},
	} {
		conf := cluster.DefaultConf()
		if err := conf.Read("mosix.conf", strings.NewReader(test.conf)); err != nil {
			t.Fatal(err)
		}
		policy := PolicyOf(conf, test.blocked)
		policy.Free = func() (uint64, error) { return 100 << 20, nil }
		err := policy.Check(2, &test.ask)
		if (err == nil) != (test.refusal == "") || err != nil && !strings.Contains(err.Error(), test.refusal) {
			t.Errorf("%s: %v, want %q", test.name, err, test.refusal)
		}
	}
}

func TestTickets(t *testing.T) {
	var out tickets
	now := time.Unix(1000, 0)
	first, err := out.give(control.Admit{Job: "a"}, now)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := out.give(control.Admit{Job: "b"}, now)
	if first == second {
		t.Fatal("two tickets are the same")
	}
	if ask, ok := out.take(first, now.Add(TicketLife-1)); !ok || ask.Job != "a" {
		t.Errorf("in time: %+v %v", ask, ok)
	}
	if _, ok := out.take(first, now); ok {
		t.Error("a ticket was good twice")
	}
	if _, ok := out.take(second, now.Add(TicketLife)); ok {
		t.Error("an old ticket was good")
	}
	for range maxTickets {
		if _, err := out.give(control.Admit{}, now); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := out.give(control.Admit{}, now); err == nil {
		t.Error("too many tickets are out")
	}
	if _, err := out.give(control.Admit{}, now.Add(TicketLife)); err != nil {
		t.Errorf("old tickets were not swept: %v", err)
	}
}
