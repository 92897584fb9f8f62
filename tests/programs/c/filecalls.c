// Every call on open files: what it gives, and how it fails.
#include "calls.h"
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/uio.h>

static char buf[64], *end;

static void opening(void) {
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
	int dir = CALL(open, ".", O_RDONLY | O_DIRECTORY);
	int fd = CALL(creat, "filecalls.out", 0640);
	CALL(creat, "filecalls.out/x", 0640);
	CALL(creat, BAD, 0640);
	CALL(close, fd);
	CALL(open, "filecalls.out", O_RDWR | O_CREAT | O_EXCL, 0640);
	CALL(open, "filecalls.out", O_RDONLY | O_DIRECTORY);
	CALL(open, "nowhere", O_RDONLY);
	CALL(open, NULL, O_RDONLY);
	CALL(open, KERNEL, O_RDONLY);
	CALL(open, "", O_RDONLY);
	CALL(open, ".", O_WRONLY);
	CALL(open, strcpy(end - 4, "abc"), O_RDONLY);
	CALL(open, memset(end - 4, 'x', 4), O_RDONLY);
	fd = CALL(openat, dir, "filecalls.out", O_RDWR | O_CLOEXEC);
	CALL(fcntl, fd, F_GETFD);
	CALL(close, fd);
	CALL(openat, 99, "filecalls.out", O_RDONLY);
	CALL(openat, 99, BAD, O_RDONLY);
	fd = CALL(openat2, dir, "filecalls.out", &how, sizeof how);
	CALL(write, fd, "x", 1);
	CALL(close, fd);
	CALL(openat2, dir, "../x", &how, sizeof how);
	CALL(openat2, dir, "filecalls.out", &how, 8);
	CALL(openat2, dir, "filecalls.out", BAD, sizeof how);
	CALL(openat2, dir, "filecalls.out", end - 8, sizeof how);
	CALL(openat2, dir, "filecalls.out", &how, 5000);
	CALL(close, dir);
	CALL(close, 99);
	CALL(close, -1);
	CALL(close_range, 50, 40, 0);
	CALL(close_range, 40, 50, 99);
	CALL(close_range, 40, ~0U, 0);
}

static void moving(int fd) {
	struct iovec v[3] = {{"one", 3}, {"", 0}, {"three", 5}}, in[2] = {{buf, 2}, {buf + 10, 10}}, bad[2] = {{buf, 4}, {BAD, 4}}, huge[2] = {{buf, -1}, {buf, 1}};
	CALL(write, fd, "0123456789", 10);
	CALL(write, fd, BAD, 0);
	CALL(write, 99, "x", 1);
	CALL(pwrite64, fd, "pw", 2, 20);
	CALL(pwrite64, fd, "pw", 2, -1);
	CALL(lseek, fd, -4, SEEK_CUR);
	CALL(lseek, fd, -1, SEEK_SET);
	CALL(lseek, fd, 0, 99);
	CALL(lseek, fd, 100000, SEEK_HOLE);
	CALL(lseek, fd, 1L << 40, SEEK_SET);
	CALL(lseek, fd, 6, SEEK_SET);
	show(buf, CALL(read, fd, buf, 8));
	CALL(read, fd, BAD, 1);
	CALL(pread64, fd, buf, 10, 1000);
	CALL(pread64, fd, buf, 10, -5);
	show(buf, CALL(pread64, fd, buf, 64, 18));
	CALL(writev, fd, v, 3);
	CALL(writev, fd, v, -1);
	CALL(writev, fd, v, 1025);
	CALL(writev, fd, BAD, 2);
	CALL(writev, fd, bad, 2);
	CALL(writev, fd, huge, 2);
	CALL(readv, fd, huge, 2);
	CALL(lseek, fd, 0, SEEK_SET);
	show(buf, CALL(readv, fd, in, 2));
	CALL(readv, fd, bad, 2);
	CALL(readv, fd, end - 16, 2);
	CALL(pwritev, fd, v, 3, 30, 0);
	CALL(pwritev, fd, v, 3, -1, 0);
	show(buf, CALL(preadv, fd, in, 2, 29, 0));
	CALL(preadv, fd, in, 2, -1, 0);
	CALL(preadv, 99, in, 2, 0, 0);
	CALL(pwritev2, fd, v, 3, 40, 0, RWF_DSYNC);
	CALL(pwritev2, fd, v, 3, -1, 0, 0);
	CALL(pwritev2, fd, v, 3, 40, 0, 1 << 30);
	show(buf, CALL(preadv2, fd, in, 2, 39, 0, 0));
	CALL(preadv2, fd, in, 2, -2, 0, 0);
	CALL(preadv2, fd, in, 2, 0, 0, 1 << 30);
}

static void changing(int fd) {
	uint64_t range[2] = {0, 4096}, stat[5];
	CALL(ftruncate, fd, 100);
	CALL(ftruncate, fd, -1);
	CALL(ftruncate, 0, 1);
	CALL(fallocate, fd, 0, 0, 8192);
	CALL(fallocate, fd, 0, 0, 0);
	CALL(fallocate, 99, 0, 0, 1);
	CALL(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
	CALL(lseek, fd, 0, SEEK_END);
	CALL(fsync, fd);
	CALL(fsync, 99);
	CALL(fdatasync, fd);
	CALL(fdatasync, -5);
	CALL(syncfs, 99);
	CALL(sync_file_range, fd, 0, 100, SYNC_FILE_RANGE_WRITE);
	CALL(sync_file_range, fd, 0, 100, 99);
	CALL(readahead, fd, 0, 4096);
	CALL(readahead, 99, 0, 4096);
	CALL(fadvise64, fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	CALL(fadvise64, fd, 0, 0, 99);
	CALL(cachestat, fd, range, stat, 0);
	CALL(cachestat, fd, range, stat, 1);
	CALL(cachestat, fd, BAD, stat, 0);
	CALL(cachestat, fd, range, BAD, 0);
	CALL(cachestat, 99, range, stat, 0);
}

static void duplicates(int fd) {
	struct flock l = {.l_type = F_WRLCK, .l_start = 3, .l_len = 4}, got = l;
	CALL(dup, fd);
	CALL(dup, 99);
	CALL(dup2, fd, 40);
	CALL(dup2, 40, 40);
	CALL(dup2, fd, -1);
	CALL(dup2, 99, 41);
	CALL(dup3, fd, 41, O_CLOEXEC);
	CALL(dup3, fd, fd, 0);
	CALL(dup3, fd, 42, 99);
	CALL(fcntl, 41, F_GETFD);
	CALL(fcntl, fd, F_DUPFD, 45);
	CALL(fcntl, fd, F_DUPFD, -1);
	CALL(fcntl, fd, F_GETFL);
	CALL(fcntl, fd, F_SETFL, O_APPEND);
	CALL(fcntl, 40, F_GETFL);
	CALL(fcntl, fd, F_SETFL, 0);
	CALL(fcntl, fd, F_SETLK, &l);
	CALL(fcntl, fd, F_GETLK, &got);
	SHOW(got.l_type);
	got = l;
	CALL(fcntl, fd, F_OFD_GETLK, &got);
	SHOW(got.l_type), SHOW(got.l_start), SHOW(got.l_pid == getpid());
	CALL(fcntl, fd, F_SETLK, BAD);
	CALL(fcntl, fd, F_GETLK, end - 8);
	l.l_type = 77;
	CALL(fcntl, fd, F_SETLKW, &l);
	l.l_type = F_UNLCK;
	CALL(fcntl, fd, F_SETLKW, &l);
	CALL(fcntl, fd, F_GETSIG);
	CALL(fcntl, fd, F_GETLEASE);
	CALL(fcntl, fd, F_GETPIPE_SZ);
	CALL(fcntl, fd, F_SETFD, FD_CLOEXEC);
	CALL(fcntl, 99, F_GETFD);
	CALL(fcntl, fd, 12345);
	CALL(flock, fd, LOCK_EX | LOCK_NB);
	int other = CALL(open, "filecalls.out", O_RDONLY);
	CALL(flock, other, LOCK_SH | LOCK_NB);
	CALL(flock, fd, LOCK_UN);
	CALL(flock, other, LOCK_SH);
	CALL(flock, fd, 99);
	CALL(flock, 99, LOCK_EX);
	CALL(close_range, fd + 1, 50, 0);
}

static void between(int fd) {
	int p[2], q[2], m = CALL(memfd_create, "name", 3 /* CLOEXEC | ALLOW_SEALING */);
	int64_t from = 1, to = 5;
	CALL(memfd_create, "name", 0x8000);
	CALL(memfd_create, BAD, 0);
	CALL(pipe, p);
	CALL(pipe, BAD);
	CALL(pipe, end - 4);
	CALL(pipe2, q, O_NONBLOCK | O_CLOEXEC);
	CALL(pipe2, q, 99);
	CALL(pwrite64, fd, "abcdefghij", 10, 0);
	CALL(sendfile, m, fd, &from, 4);
	SHOW(from);
	CALL(sendfile, m, fd, BAD, 4);
	CALL(sendfile, 99, fd, &from, 4);
	CALL(sendfile, fd, p[0], NULL, 4);
	show(buf, CALL(pread64, m, buf, 64, 0));
	from = 0;
	CALL(copy_file_range, fd, &from, m, &to, 3, 0);
	SHOW(from), SHOW(to);
	to = 100;
	CALL(copy_file_range, fd, &from, fd, &to, 3, 0);
	SHOW(from), SHOW(to);
	CALL(copy_file_range, fd, &from, fd, &to, 3, 99);
	from = to = 0;
	CALL(copy_file_range, fd, &from, p[1], NULL, 3, 0);
	CALL(copy_file_range, fd, BAD, m, NULL, 3, 0);
	CALL(splice, fd, &from, p[1], NULL, 5, 0);
	SHOW(from);
	CALL(tee, p[0], q[1], 3, 0);
	CALL(tee, p[0], fd, 3, 0);
	CALL(tee, q[0], p[1], 100, SPLICE_F_NONBLOCK);
	CALL(splice, p[0], NULL, m, &to, 5, 0);
	CALL(splice, p[0], &from, m, &to, 5, 0);
	CALL(splice, fd, NULL, m, NULL, 5, 0);
	CALL(splice, fd, BAD, p[1], NULL, 5, 0);
	show(buf, CALL(pread64, m, buf, 64, 0));
	show(buf, CALL(read, q[0], buf, 64));
	show(buf, CALL(read, p[0], buf, 64));
	CALL(read, q[0], buf, 64);
	CALL(fcntl, m, F_ADD_SEALS, 2 /* F_SEAL_SHRINK */);
	CALL(fcntl, m, F_GET_SEALS);
	CALL(ftruncate, m, 0);
	CALL(close_range, m, q[1], 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	sync(); // once: they may take long
	CHECK(syncfs(0) == 0);
	do {
		opening();
		int fd = CALL(open, "filecalls.out", O_RDWR | O_TRUNC);
		moving(fd);
		changing(fd);
		duplicates(fd);
		between(fd);
		CALL(close, fd);
		CALL(read, fd, buf, 1);
	} while (again());
	return done("filecalls");
}
