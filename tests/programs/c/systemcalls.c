// Every call on the machine as a whole: what it gives, and how it fails. Nothing of
// the machine is changed: root gets only as far as the kernel's look at arguments.
// users: differ
#include "calls.h"
#include <linux/landlock.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static char buf[4096], *end;

static void machine(void) {
	struct utsname u;
	struct sysinfo s;
	int nobody = geteuid() != 0;
	CALL(uname, &u);
	SHOW(u.sysname[0]);
	CALL(uname, BAD);
	CALL(uname, end - 389);
	CALL(sysinfo, &s);
	SHOW(s.totalram > 0), SHOW(s.mem_unit);
	CALL(sysinfo, BAD);
	MAKE(syslog, 10, NULL, 0);
	MAKE(syslog, 3, buf, 100);
	CALL(syslog, 3, BAD, 100);
	CALL(syslog, 3, NULL, 100);
	CALL(syslog, 99, buf, 100);
	CALL(acct, "nowhere");
	CALL(acct, BAD);
	CALL(swapon, "nowhere", 0);
	CALL(swapon, BAD, 0);
	CALL(swapoff, "nowhere");
	CALL(swapoff, BAD);
	CALL(sethostname, BAD, 5);
	CALL(sethostname, "x", -1);
	CALL(setdomainname, BAD, 5);
	CALL(setdomainname, "x", 65);
	if (nobody) // root would succeed
		CALL(vhangup);
	CALL(get_mempolicy, buf, NULL, 0, NULL, 0);
	SHOW(*(int *)buf);
	CALL(get_mempolicy, BAD, NULL, 0, NULL, 0);
	CALL(get_mempolicy, buf, NULL, 0, NULL, 1 << 30);
}

static void walls(void) {
	struct landlock_ruleset_attr a = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SOCK}, odd = {.handled_access_fs = 1UL << 60};
	struct landlock_path_beneath_attr b = {LANDLOCK_ACCESS_FS_MAKE_SOCK, 0};
	MAKE(landlock_create_ruleset, NULL, 0, 1 /* version */);
	int r = CALL(landlock_create_ruleset, &a, sizeof a, 0);
	CALL(landlock_create_ruleset, &odd, sizeof odd, 0);
	CALL(landlock_create_ruleset, BAD, sizeof a, 0);
	CALL(landlock_create_ruleset, &a, 3, 0);
	b.parent_fd = JUST(open, "/tmp", O_PATH);
	CALL(landlock_add_rule, r, LANDLOCK_RULE_PATH_BENEATH, &b, 0);
	CALL(landlock_add_rule, r, LANDLOCK_RULE_PATH_BENEATH, BAD, 0);
	CALL(landlock_add_rule, 99, LANDLOCK_RULE_PATH_BENEATH, &b, 0);
	CALL(landlock_restrict_self, r, 1 << 30);
	CALL(landlock_restrict_self, 99, 0);
	CALL(close_range, r, r + 1, 0);
}

static void lists(void) {
	struct { uint32_t size, spare; uint64_t id, param, ns; } q = {24, 0, -1UL, 0, 0}, odd = {5, 0, 0, 0, 0}, n = {32, 0, 0, 0, 0};
	MAKE(listmount, &q, buf, 100, 0);
	CALL(listmount, &odd, buf, 100, 0);
	CALL(listmount, BAD, buf, 100, 0);
	CALL(listmount, &q, BAD, 1, 0);
	CALL(listmount, &q, buf, 100, 99);
	q.id = *(uint64_t *)buf, q.param = 2 /* STATMOUNT_MNT_BASIC */;
	CALL(statmount, &q, buf, sizeof buf, 0);
	CALL(statmount, &q, BAD, sizeof buf, 0);
	CALL(statmount, BAD, buf, sizeof buf, 0);
	CALL(statmount, &q, buf, sizeof buf, 99);
	CALL(statmount, &odd, buf, sizeof buf, 0);
	MAKE(listns, &n, buf, 100, 0);
	CALL(listns, BAD, buf, 100, 0);
	CALL(listns, &n, buf, 100, 99);
}

static void obsolete(void) {
	long gone[] = {134, 156, 174, 177, 178, 180, 181, 182, 183, 184, 185, 205, 211, 212, 214, 215, 236};
	for (unsigned i = 0; i < sizeof gone / sizeof *gone; i++)
		outcome("obsolete", syscall(gone[i], BAD, BAD, BAD, BAD, BAD, BAD));
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	do {
		machine();
		walls();
		lists();
		obsolete();
	} while (again());
	return done("systemcalls");
}
