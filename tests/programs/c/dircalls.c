// Every call on names: what it gives, and how it fails.
// users: differ
#include "calls.h"
#include <dirent.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <utime.h>

static char buf[4096], *end;
static struct stat s;

// mode is what a file is now.
static void mode(const char *path) {
	CHECK(JUST(lstat, path, &s) == 0);
	note("  %s %o, %ld links, %ld bytes, of %ld\n", path, s.st_mode, (long)s.st_nlink, (long)(S_ISDIR(s.st_mode) ? 0 : s.st_size), s.st_mtime < 200000000 ? (long)s.st_mtime : 0);
}

static void making(int dir) {
	JUST(umask, 0);
	CALL(umask, 022);
	CALL(umask, 027);
	CALL(mkdir, "d", 0777);
	CALL(mkdir, "d", 0777);
	CALL(mkdir, "d/e/f", 0777);
	CALL(mkdir, BAD, 0777);
	CALL(mkdirat, dir, "d/e", 0700);
	CALL(mkdirat, 99, "d/e", 0700);
	CALL(mknod, "d/f", S_IFREG | 0666, 0);
	CALL(mknod, "d/f", S_IFREG | 0666, 0);
	CALL(mknod, "d/pipe", S_IFIFO | 0644, 0);
	CALL(mknod, "d/dir", S_IFDIR | 0666, 0);
	CALL(mknodat, dir, "d/socket", S_IFSOCK | 0600, 0);
	CALL(mknodat, dir, "nowhere/x", S_IFSOCK | 0600, 0);
	CALL(symlink, "f", "d/soft");
	CALL(symlink, "", "d/empty");
	CALL(symlink, BAD, "d/x");
	CALL(symlinkat, "soft", dir, "d/soft2");
	CALL(symlinkat, "soft", dir, BAD);
	CALL(link, "d/f", "d/hard");
	CALL(link, "d/f", "d/hard");
	CALL(link, "d", "d/hard2");
	CALL(linkat, dir, "d/soft", dir, "d/hard2", AT_SYMLINK_FOLLOW);
	CALL(linkat, dir, "d/soft", dir, "d/hard3", 99);
	mode("d/f"), mode("d/pipe"), mode("d/socket"), mode("d/soft2");
}

static void looking(int dir) {
	struct statfs fs;
	CALL(stat, "d/soft2", &s);
	SHOW(s.st_nlink);
	CALL(stat, "nowhere", BAD);
	CALL(stat, "d", BAD);
	CALL(stat, "d", end - 143);
	CALL(stat, "d", end - 144);
	CALL(lstat, "d/soft2", &s);
	SHOW(s.st_size);
	CALL(lstat, KERNEL, &s);
	CALL(fstat, dir, &s);
	CALL(fstat, 99, &s);
	CALL(fstat, dir, KERNEL);
	CALL(newfstatat, dir, "d/soft", &s, AT_SYMLINK_NOFOLLOW);
	CALL(newfstatat, dir, "", &s, AT_EMPTY_PATH);
	CALL(newfstatat, dir, "d", &s, 99);
	CALL(newfstatat, 99, "d", &s, 0);
	CALL(statx, dir, "d/f", 0, STATX_SIZE, buf);
	CALL(statx, dir, "d/f", 0, STATX_SIZE, end - 255);
	CALL(statx, dir, "d/f", 99, STATX_SIZE, buf);
	CALL(access, "d/f", R_OK | W_OK);
	CALL(access, "d/f", X_OK);
	CALL(access, "d/f", 99);
	CALL(access, "d/g", F_OK);
	CALL(faccessat, dir, "d/f", R_OK);
	CALL(faccessat, dir, BAD, R_OK);
	CALL(faccessat2, dir, "d/soft", R_OK, AT_SYMLINK_NOFOLLOW);
	CALL(faccessat2, dir, "d/soft", R_OK, 99);
	memset(buf, 0, 16);
	show(buf, CALL(readlink, "d/soft", buf, 10));
	CALL(readlink, "d/soft", buf, 0);
	CALL(readlink, "d/soft", buf, -1);
	CALL(readlink, "d/soft", BAD, 10);
	CALL(readlink, "d/f", buf, 10);
	show(buf, CALL(readlinkat, dir, "d/soft2", buf, 3));
	CALL(readlinkat, dir, "d/soft2", end - 2, 4);
	CALL(statfs, ".", &fs);
	SHOW(fs.f_namelen);
	CALL(statfs, ".", end - 119);
	CALL(statfs, "nowhere", &fs);
	CALL(fstatfs, dir, &fs);
	CALL(fstatfs, 99, &fs);
	CHECK(JUST(stat, ".", &s) == 0);
	MAKE(ustat, s.st_dev, buf);
	CALL(ustat, 12345678, buf);
}

static void changing(int dir) {
	struct utimbuf u = {100000001, 100000002};
	struct timeval v[2] = {{100000003, 4}, {100000005, 6}}, wrong[2] = {{1, 1}, {1, 1000000}};
	struct timespec t[2] = {{7, UTIME_OMIT}, {100000008, 9}}, odd[2] = {{1, 1}, {1, 1000000000}};
	int fd = JUST(open, "d/f", O_RDWR);
	CALL(chmod, "d/f", 0600);
	CALL(chmod, "d/g", 0600);
	CALL(fchmod, fd, 04640);
	CALL(fchmod, 99, 0640);
	CALL(fchmodat, dir, "d/f", 0444);
	CALL(fchmodat, dir, BAD, 0444);
	CALL(fchmodat2, dir, "d/f", 0644, 0);
	CALL(fchmodat2, dir, "d/soft", 0644, AT_SYMLINK_NOFOLLOW);
	CALL(fchmodat2, dir, "d/soft", 0644, 99);
	CALL(chown, "d/f", -1, getgid());
	CALL(chown, "d/g", -1, -1);
	CALL(chown, "d/f", 1, 1);
	CALL(lchown, "d/soft", getuid(), -1);
	CALL(lchown, "nowhere", getuid(), -1);
	CALL(fchown, fd, -1, -1);
	CALL(fchown, 99, -1, -1);
	CALL(fchownat, fd, "", getuid(), -1, AT_EMPTY_PATH);
	CALL(fchownat, dir, "d/f", getuid(), -1, 99);
	CALL(truncate, "d/f", 17);
	CALL(truncate, "d/f", -1);
	CALL(truncate, "d", 1);
	CALL(utime, "d/f", &u);
	mode("d/f");
	CALL(utime, "d/f", BAD);
	CALL(utimes, "d/f", v);
	mode("d/f");
	CALL(utimes, "d/f", wrong);
	CALL(futimesat, dir, "d/e", v);
	CALL(futimesat, 99, "d/e", v);
	CALL(utimensat, fd, NULL, t, 0);
	mode("d/f");
	CALL(utimensat, dir, "d/soft", t, AT_SYMLINK_NOFOLLOW);
	CALL(utimensat, dir, "d/soft", odd, 0);
	CALL(utimensat, dir, "d/soft", end - 16, 0);
	CALL(close, fd);
}

static void renaming(int dir) {
	CALL(rename, "d/hard", "d/moved");
	CALL(rename, "d/hard", "d/moved");
	CALL(rename, "d", "d/e/d");
	CALL(rename, "d/f", BAD);
	CALL(renameat, dir, "d/moved", dir, "d/hard");
	CALL(renameat, 99, "d/moved", dir, "d/hard");
	CALL(renameat2, dir, "d/f", dir, "d/pipe", 1 /* RENAME_NOREPLACE */);
	CALL(renameat2, dir, "d/f", dir, "d/pipe", 2 /* RENAME_EXCHANGE */);
	CALL(renameat2, dir, "d/f", dir, "d/pipe", 99);
	CALL(rmdir, "d");
	CALL(rmdir, "d/pipe");
	CALL(rmdir, "d/e");
	CALL(unlink, "d");
	CALL(unlink, "nowhere");
	CALL(unlink, "d/hard");
	CALL(unlinkat, dir, "d/pipe", AT_REMOVEDIR);
	CALL(unlinkat, dir, "d/pipe", 0);
	CALL(unlinkat, dir, "d/pipe", 99);
	const char *names[] = {"d/f", "d/socket", "d/soft", "d/soft2", "d/hard2"};
	for (int i = 0; i < 5; i++)
		CALL(unlink, names[i]);
	CALL(unlinkat, dir, "d", AT_REMOVEDIR);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

// listing reads a directory in small pieces.
static void listing(int wide) {
	char *names[20], kinds[20], path[10];
	int n = 0;
	CHECK(JUST(mkdir, "l", 0755) == 0);
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof path, "l/file%d", i);
		CHECK(JUST(mknod, path, S_IFREG | 0644, 0) == 0);
	}
	int fd = JUST(open, "l", O_RDONLY | O_DIRECTORY);
	for (long got; (got = wide ? JUST(getdents64, fd, buf, 100) : JUST(getdents, fd, buf, 100)) > 0;) {
		for (long at = 0; at < got && n < 20; at += *(unsigned short *)(buf + at + 16)) {
			kinds[n] = wide ? buf[at + 18] : buf[at + *(unsigned short *)(buf + at + 16) - 1];
			names[n++] = strdup(buf + at + (wide ? 19 : 18));
		}
	}
	qsort(names, n, sizeof *names, by_name);
	for (int i = 0; i < n; i++)
		note("  %s", names[i]), free(names[i]);
	note(" and the first is %d\n", kinds[0] == DT_DIR || kinds[0] == DT_REG);
	CALL(lseek, fd, 0, SEEK_SET);
	CALL(getdents, fd, buf, 10);
	CALL(getdents, fd, BAD, 100);
	CALL(getdents64, fd, buf, 10);
	CALL(getdents64, fd, end - 10, 100);
	CALL(getdents64, 99, buf, 100);
	CALL(getdents, 0, buf, 100);
	CALL(close, fd);
	for (int i = 0; i < 10; i++) {
		snprintf(path, sizeof path, "l/file%d", i);
		CHECK(JUST(unlink, path) == 0);
	}
	CALL(rmdir, "l");
}

static void standing(int dir) {
	CHECK(JUST(mkdir, "w", 0755) == 0);
	CALL(chdir, "w");
	long n = JUST(getcwd, buf, sizeof buf);
	CHECK(n > 2);
	show(buf + n - 3, 3);
	CALL(getcwd, buf, 2);
	CALL(getcwd, buf, 0);
	CALL(getcwd, BAD, sizeof buf);
	CALL(getcwd, end - 2, sizeof buf);
	CALL(chdir, "nowhere");
	CALL(chdir, BAD);
	CALL(fchdir, dir);
	CALL(fchdir, 0);
	CALL(fchdir, 99);
	CALL(rmdir, "w");
	CALL(chroot, "nowhere");
	CALL(chroot, BAD);
	CALL(chroot, "/");
	CALL(chdir, "nowhere");
}

static void watching(void) {
	struct inotify_event *e = (struct inotify_event *)buf;
	int a = CALL(inotify_init), b = CALL(inotify_init1, IN_NONBLOCK | IN_CLOEXEC);
	CALL(inotify_init1, 99);
	CALL(inotify_add_watch, a, ".", IN_CREATE | IN_DELETE);
	CALL(inotify_add_watch, a, ".", 0);
	CALL(inotify_add_watch, a, "nowhere", IN_CREATE);
	CALL(inotify_add_watch, b, BAD, IN_CREATE);
	CALL(inotify_add_watch, 0, ".", IN_CREATE);
	CALL(read, b, buf, sizeof buf);
	CHECK(JUST(mkdir, "watched", 0755) == 0 && JUST(rmdir, "watched") == 0);
	CALL(read, a, buf, 10);
	CALL(read, a, buf, 40);
	SHOW(e->mask), SHOW(e->len);
	show(e->name, 8);
	CALL(read, a, buf, sizeof buf);
	SHOW(e->mask);
	CALL(inotify_rm_watch, a, 1);
	CALL(inotify_rm_watch, a, 1);
	CALL(close_range, a, b, 0);
	int f = MAKE(fanotify_init, FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_REPORT_FID, O_RDONLY);
	CALL(fanotify_init, 1 << 30, 0);
	MAKE(fanotify_mark, f, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, ".");
	CALL(fanotify_mark, 99, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, ".");
	CALL(fanotify_mark, f, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, BAD);
	if (f >= 0)
		JUST(close, f);
}

static void handles(int dir) {
	union { struct file_handle h; char room[sizeof(struct file_handle) + 128]; } u = {.h.handle_bytes = 128};
	int mount;
	CALL(name_to_handle_at, dir, "", &u, &mount, AT_EMPTY_PATH);
	CALL(name_to_handle_at, dir, "nowhere", &u, &mount, 0);
	CALL(name_to_handle_at, dir, "", BAD, &mount, AT_EMPTY_PATH);
	MAKE(name_to_handle_at, dir, "", &u, BAD, AT_EMPTY_PATH);
	int fd = MAKE(open_by_handle_at, dir, &u, O_RDONLY);
	if (fd >= 0)
		JUST(close, fd);
	CALL(open_by_handle_at, 99, &u, O_RDONLY);
	CALL(open_by_handle_at, dir, BAD, O_RDONLY);
	u.h.handle_bytes = 0;
	CALL(name_to_handle_at, dir, "", &u, &mount, AT_EMPTY_PATH);
	CALL(open_by_handle_at, dir, &u, O_RDONLY);
	CALL(file_getattr, dir, ".", buf, 24, 0);
	CALL(file_getattr, dir, ".", buf, 8, 0);
	CALL(file_setattr, dir, "nowhere", buf, 24, 0);
	CALL(file_setattr, dir, ".", BAD, 24, 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	do {
		int dir = CALL(open, ".", O_RDONLY | O_DIRECTORY);
		making(dir);
		looking(dir);
		changing(dir);
		renaming(dir);
		listing(0);
		listing(1);
		standing(dir);
		watching();
		handles(dir);
		CALL(close, dir);
	} while (again());
	return done("dircalls");
}
