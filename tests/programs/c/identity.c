// Who and where it is: always the home's answers.
// build: dynamic musl
// users: differ
#include "guest.h"
#include <grp.h>
#include <sys/utsname.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	pid_t pid = getpid(), parent = getppid(), group = getpgrp(), session = getsid(0);
	struct utsname first, now;
	char host[256];
	CHECK(uname(&first) == 0 && gethostname(host, sizeof host) == 0 && strcmp(host, first.nodename) == 0);
	do {
		CHECK(getpid() == pid && getppid() == parent && getpgrp() == group && getsid(0) == session && gettid() == pid);
		CHECK(uname(&now) == 0 && memcmp(&now, &first, sizeof now) == 0);
		uid_t r, e, s;
		CHECK(getresuid(&r, &e, &s) == 0 && r == e && e == s && r == geteuid());
		FAILS(kill(1 << 21, 0), ESRCH);
		CHECK(kill(pid, 0) == 0 && getpgid(pid) == group);
	} while (going());
	printf("%s %s uid %d gid %d groups %d\n", first.nodename, first.release, getuid(), getgid(), getgroups(0, NULL));
	return 0;
}
