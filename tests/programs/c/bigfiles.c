// Files beyond 2 and 4 GiB, direct and vectored transfers, large directories, memory
// files, and what moves between descriptors.
#include "calls.h"
#include <dirent.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { PAGE = 4096, BLOCK = 1 << 20, PIECES = 1024 };
static char *block, *back;

#define NOTE(call) outcome(#call, call)

static void offsets(void) {
	static const off_t at[] = {0x7ffffffe, 0xfffffffe, 1LL << 40};
	int fd = open("big.out", O_RDWR | O_CREAT | O_EXCL, 0600);
	off_t from, to;
	struct stat s;
	CHECK(fd >= 0);
	for (int i = 0; i < 3; i++) {
		note("at %llx\n", (long long)at[i]);
		NOTE(pwrite(fd, "four", 4, at[i]));
		NOTE(lseek(fd, at[i] + 2, SEEK_SET));
		NOTE(write(fd, "more", 4));
		NOTE(lseek(fd, 0, SEEK_CUR));
		NOTE(lseek(fd, -6, SEEK_END));
		memset(back, 0, 10);
		show(back, NOTE(read(fd, back, 10)));
		struct iovec v[2] = {{back, 2}, {back + 2, 2}};
		show(back, NOTE(preadv(fd, v, 2, at[i] + 1)));
		from = at[i], to = at[i] + 100;
		NOTE(copy_file_range(fd, &from, fd, &to, 6, 0));
		SHOW(from == at[i] + 6 && to == at[i] + 106);
		NOTE(ftruncate(fd, at[i] + 50));
		CHECK(fstat(fd, &s) == 0);
		SHOW(s.st_size == at[i] + 50);
	}
	NOTE(lseek(fd, 1, SEEK_DATA) > 1);
	NOTE(posix_fadvise(fd, 1LL << 33, 1 << 20, POSIX_FADV_DONTNEED));
	NOTE(pwrite(fd, "x", 1, 0x7fffffffffffffff));
	NOTE(ftruncate(fd, 0x7fffffffffffffff) == 0);
	CHECK(close(fd) == 0 && unlink("big.out") == 0);
}

// direct passes the page cache by, where the file system can; it says where not.
static void direct(void) {
	int fd = open("direct.out", O_RDWR | O_CREAT | O_EXCL | O_DIRECT, 0600);
	if (fd < 0) {
		NOTE(fd);
		return;
	}
	memset(back, 0, 2 * PAGE);
	NOTE(pwrite(fd, block, 2 * PAGE, 0));
	NOTE(pread(fd, back, 2 * PAGE, 0));
	SHOW(memcmp(block, back, 2 * PAGE));
	NOTE(pread(fd, back, PAGE, PAGE));
	SHOW(memcmp(block + PAGE, back, PAGE));
	NOTE(pread(fd, back + 1, PAGE, 0));
	NOTE(pread(fd, back, 100, 0));
	NOTE(fcntl(fd, F_GETFL) & O_DIRECT);
	CHECK(close(fd) == 0 && unlink("direct.out") == 0);
}

static void vectors(void) {
	struct iovec v[PIECES];
	int fd = memfd_create("vectors", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	long all = 0;
	for (int i = 0; i < PIECES; i++) {
		v[i] = (struct iovec){block + all, i % 5 == 0 ? 0 : i};
		all += v[i].iov_len;
	}
	NOTE(writev(fd, v, PIECES) == all);
	for (int i = 0; i < PIECES; i++)
		v[i].iov_base = back + ((char *)v[i].iov_base - block);
	memset(back, 0, all);
	NOTE(preadv(fd, v, PIECES, 0) == all);
	SHOW(memcmp(block, back, all));
	NOTE(pwrite(fd, block, BLOCK, 5) == BLOCK);
	NOTE(pread(fd, back, BLOCK, 5) == BLOCK);
	SHOW(memcmp(block, back, BLOCK));
	NOTE(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW));
	NOTE(pwrite(fd, "x", 1, 0));
	NOTE(ftruncate(fd, BLOCK * 2));
	CHECK(close(fd) == 0);
}

static void shared(void) {
	char name[32];
	snprintf(name, sizeof name, "/bigfiles-%d", getpid());
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0);
	NOTE(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	NOTE(ftruncate(fd, 3 * PAGE));
	NOTE(write(fd, "shared", 6));
	char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(at != MAP_FAILED);
	show(at, 6);
	at[0] = 'S';
	show(back, NOTE(pread(fd, back, 6, 0)));
	CHECK(munmap(at, PAGE) == 0 && close(fd) == 0);
	NOTE(shm_unlink(name));
	NOTE(shm_unlink(name));
}

// listing reads a large directory, and from a place in its middle again.
static void listing(void) {
	char name[32];
	long sum = 0, half = 0, n = 0;
	CHECK(mkdir("large", 0700) == 0);
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof name, "large/%d-%.*s", i, i % 20, "abcdefghijklmnopqrstuvwxyz");
		CHECK(symlink("nowhere", name) == 0);
	}
	DIR *d = opendir("large");
	CHECK(d);
	for (struct dirent *e; (e = readdir(d)); n++) {
		sum += strlen(e->d_name) + (e->d_type == DT_LNK);
		if (n == 75)
			half = telldir(d);
	}
	SHOW(n), SHOW(sum);
	seekdir(d, half);
	for (n = 0; readdir(d);)
		n++;
	SHOW(n);
	rewinddir(d);
	for (struct dirent *e; (e = readdir(d));)
		CHECK(e->d_type != DT_LNK || unlinkat(dirfd(d), e->d_name, 0) == 0);
	CHECK(closedir(d) == 0);
	NOTE(rmdir("large"));
}

// between moves bytes from a file through a pipe to others.
static void between(void) {
	int in = open("between.in", O_RDWR | O_CREAT | O_TRUNC, 0600), out = open("between.out", O_RDWR | O_CREAT | O_TRUNC, 0600), p[2], q[2];
	off_t at = 1000;
	CHECK(pipe(p) == 0 && pipe(q) == 0 && write(in, block, 200000) == 200000);
	NOTE(sendfile(out, in, &at, 150000));
	SHOW(at);
	for (long n = 0, part; n < 100000; n += part) {
		CHECK((part = splice(in, &at, p[1], NULL, 30000, SPLICE_F_MORE)) > 0 || at == 200000);
		if (part == 0)
			break;
		long copied = tee(p[0], q[1], part, 0);
		CHECK(copied == part && splice(p[0], NULL, out, NULL, part, 0) == part && read(q[0], back, part) == part);
		CHECK(memcmp(back, block + at - part, part) == 0);
	}
	SHOW(at), SHOW(lseek(out, 0, SEEK_CUR));
	CHECK(pread(out, back, 199000, 0) == 199000);
	SHOW(memcmp(back, block + 1000, 199000));
	CHECK(close(in) == 0 && close(out) == 0 && close_range(p[0], q[1], 0) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK(posix_memalign((void **)&block, PAGE, BLOCK) == 0 && posix_memalign((void **)&back, PAGE, BLOCK) == 0);
	for (int i = 0; i < BLOCK; i++)
		block[i] = i * 2654435761u >> 24;
	do {
		offsets();
		direct();
		vectors();
		shared();
		listing();
		between();
	} while (again());
	return done("bigfiles");
}
