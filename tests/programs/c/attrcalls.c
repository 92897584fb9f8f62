// Every call on extended attributes and keys: what it gives, and how it fails.
#include "calls.h"
#include <linux/keyctl.h>
#include <sys/xattr.h>

static char buf[256], *end;
static struct { uint64_t value; uint32_t size, flags; } in = {.size = 5}, out = {.size = 256}, none;

static void setting(int fd) {
	CALL(setxattr, "attr.out", "user.a", "first", 5, 0);
	CALL(setxattr, "attr.out", "user.a", "first", 5, XATTR_CREATE);
	CALL(setxattr, "attr.out", "user.a", BAD, 5, 0);
	CALL(setxattr, "attr.out", "user.a", "x", 65537, 0);
	CALL(setxattr, "attr.out", BAD, "x", 1, 0);
	CALL(setxattr, "attr.out", "nowhere.a", "x", 1, 0);
	CALL(setxattr, "attr.out", "user.empty", NULL, 0, 0);
	CALL(lsetxattr, "attr.out", "user.b", "second", 6, 0);
	CALL(lsetxattr, "attr.link", "user.b", "second", 6, 0);
	CALL(fsetxattr, fd, "user.c", "third", 5, 0);
	CALL(fsetxattr, fd, "user.d", "third", 5, XATTR_REPLACE);
	CALL(fsetxattr, 99, "user.c", "third", 5, 0);
	in.value = (uintptr_t)"fifth";
	CALL(setxattrat, AT_FDCWD, "attr.out", 0, "user.e", &in, sizeof in);
	CALL(setxattrat, AT_FDCWD, "attr.out", 0, "user.e", &in, 8);
	CALL(setxattrat, AT_FDCWD, "attr.out", 0, "user.e", BAD, sizeof in);
}

static void getting(int fd) {
	show(buf, CALL(getxattr, "attr.link", "user.a", buf, sizeof buf));
	CALL(getxattr, "attr.out", "user.a", buf, 3);
	CALL(getxattr, "attr.out", "user.a", NULL, 0);
	CALL(getxattr, "attr.out", "user.x", buf, 3);
	CALL(getxattr, "attr.out", "user.a", BAD, 10);
	CALL(getxattr, "attr.out", "user.a", end - 3, 10);
	CALL(getxattr, "attr.out", "user.a", end - 5, 10);
	CALL(lgetxattr, "attr.link", "user.a", buf, sizeof buf);
	show(buf, CALL(lgetxattr, "attr.out", "user.b", buf, sizeof buf));
	show(buf, CALL(fgetxattr, fd, "user.c", buf, sizeof buf));
	CALL(fgetxattr, 99, "user.c", buf, sizeof buf);
	out.value = (uintptr_t)buf;
	show(buf, MAKE(getxattrat, AT_FDCWD, "attr.out", 0, "user.e", &out, sizeof out));
	CALL(getxattrat, AT_FDCWD, "attr.out", 0, "user.e", &none, sizeof none);
	CALL(getxattrat, AT_FDCWD, "attr.out", 0, "user.e", BAD, sizeof none);
}

// sorted notes a list of names; the file system chooses their order.
static void sorted(long n) {
	const char *names[] = {"user.a", "user.b", "user.c", "user.e", "user.empty"};
	for (int i = 0; i < 5; i++)
		for (long at = 0; at < n; at += strlen(buf + at) + 1)
			if (strcmp(buf + at, names[i]) == 0)
				note("  %s", names[i]);
	note("\n");
}

static void listing(int fd) {
	sorted(CALL(listxattr, "attr.out", buf, sizeof buf));
	CALL(listxattr, "attr.out", buf, 3);
	CALL(listxattr, "attr.out", NULL, 0);
	CALL(listxattr, "attr.out", BAD, 100);
	CALL(llistxattr, "attr.link", buf, sizeof buf);
	CALL(llistxattr, "nowhere", buf, sizeof buf);
	sorted(CALL(flistxattr, fd, buf, sizeof buf));
	CALL(flistxattr, 99, buf, sizeof buf);
	sorted(CALL(listxattrat, AT_FDCWD, "attr.out", 0, buf, sizeof buf));
	CALL(listxattrat, AT_FDCWD, "attr.out", 99, buf, sizeof buf);
}

static void removing(int fd) {
	CALL(removexattr, "attr.out", "user.a");
	CALL(removexattr, "attr.out", "user.a");
	CALL(removexattr, "attr.out", BAD);
	CALL(lremovexattr, "attr.out", "user.b");
	CALL(lremovexattr, "attr.link", "user.b");
	CALL(fremovexattr, fd, "user.c");
	CALL(fremovexattr, 99, "user.c");
	CALL(removexattrat, AT_FDCWD, "attr.out", 0, "user.e");
	CALL(removexattrat, AT_FDCWD, BAD, 0, "user.e");
	CALL(removexattr, "attr.out", "user.empty");
}

static void keys(void) {
	MAKE(add_key, "user", "umosix:test", "secret", 6, KEY_SPEC_PROCESS_KEYRING);
	CALL(add_key, "user", "umosix:test", BAD, 6, KEY_SPEC_PROCESS_KEYRING);
	CALL(add_key, "nonsense", "umosix:test", "secret", 6, KEY_SPEC_PROCESS_KEYRING);
	CALL(add_key, BAD, "umosix:test", "secret", 6, KEY_SPEC_PROCESS_KEYRING);
	MAKE(request_key, "user", "umosix:test", NULL, 0);
	CALL(request_key, "user", "umosix:none", NULL, 0);
	CALL(request_key, "user", BAD, NULL, 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	int fd = open("attr.out", O_RDWR | O_CREAT | O_EXCL, 0644);
	CHECK(fd >= 0 && symlink("attr.out", "attr.link") == 0);
	do {
		setting(fd);
		getting(fd);
		listing(fd);
		removing(fd);
		keys();
	} while (again());
	return done("attrcalls");
}
