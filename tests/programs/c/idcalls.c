// Every call on who a process is: what it gives, and how it fails.
// users: differ
#include "calls.h"
#include <linux/capability.h>
#include <sys/fsuid.h>

static char buf[4096], *end;

static void users(void) {
	uid_t me = getuid(), mine = getgid(), r = 9, e = 9, s = 9;
	gid_t list[32];
	SHOW(JUST(getuid) == me), SHOW(JUST(getgid) == mine), SHOW(JUST(geteuid) == me), SHOW(JUST(getegid) == mine);
	CALL(setuid, me);
	CALL(setuid, -1);
	CALL(setgid, mine);
	CALL(setgid, -1);
	CALL(setreuid, -1, me);
	CALL(setregid, mine, -1);
	CALL(setresuid, -1, -1, me);
	CALL(setresgid, mine, mine, mine);
	CALL(getresuid, &r, &e, &s);
	SHOW(r == me && e == me && s == me);
	r = 9;
	CALL(getresuid, &r, &e, BAD);
	SHOW(r == me);
	CALL(getresgid, &r, &e, &s);
	SHOW(r == mine);
	r = 77;
	CALL(getresgid, &r, BAD, &s);
	SHOW(r == mine);
	SHOW(JUST(setfsuid, me) == me), SHOW(JUST(setfsuid, -1) == me);
	SHOW(JUST(setfsgid, mine) == mine), SHOW(JUST(setfsgid, -1) == mine);
	int n = MAKE(getgroups, 32, list);
	CALL(getgroups, -1, list);
	SHOW(JUST(getgroups, 0, BAD) == n);
	if (n > 0)
		CALL(getgroups, n, BAD);
	CALL(setgroups, n, list);
	CALL(setgroups, 70000, list);
	CALL(setgroups, 2, BAD);
}

static void sessions(void) {
	pid_t me = getpid(), parent = getppid();
	SHOW(JUST(getppid) == parent), SHOW(JUST(getpgrp) == me), SHOW(JUST(getsid, 0) == me), SHOW(JUST(getpgid, 0) == me);
	CALL(getsid, 1 << 22);
	CALL(getpgid, 1 << 22);
	CALL(getpgid, -1);
	CALL(setpgid, 0, 0);
	CALL(setpgid, 0, -1);
	CALL(setpgid, 1 << 22, 0);
	CALL(setsid);
}

static void rights(void) {
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0}, old = {77, 0};
	struct __user_cap_data_struct d[2];
	CALL(capget, &h, d);
	show(d, sizeof d);
	CALL(capset, &h, d);
	CALL(capget, &old, d);
	SHOW(old.version == _LINUX_CAPABILITY_VERSION_3);
	CALL(capget, &h, NULL);
	CALL(capget, &h, BAD);
	CALL(capget, BAD, d);
	CALL(capset, &h, BAD);
	h.pid = 1 << 22;
	CALL(capget, &h, d);
	CALL(capset, &h, d);
}

static void labels(void) {
	uint32_t n = sizeof buf;
	MAKE(lsm_list_modules, buf, &n, 0);
	SHOW(n % 8);
	n = 4;
	CALL(lsm_list_modules, buf, &n, 0);
	CALL(lsm_list_modules, buf, BAD, 0);
	CALL(lsm_list_modules, buf, &n, 99);
	n = sizeof buf;
	MAKE(lsm_get_self_attr, 100, buf, &n, 0);
	CALL(lsm_get_self_attr, 100, buf, BAD, 0);
	CALL(lsm_get_self_attr, 100, buf, &n, 99);
	CALL(lsm_set_self_attr, 100, BAD, 64, 0);
	CALL(lsm_set_self_attr, 100, memset(buf, 0, 64), 64, 0);
	CALL(lsm_set_self_attr, 100, buf, 8, 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	setsid(); // it may lead its session already
	do {
		users();
		sessions();
		rights();
		labels();
		CALL(personality, 0xffffffff);
	} while (again());
	return done("idcalls");
}
