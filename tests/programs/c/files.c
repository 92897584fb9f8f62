// Reads, writes, seeks, truncates and syncs one file, which is left to be compared.
// build: dynamic static musl
#include "guest.h"
#include <sys/stat.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	int fd = open("files.out", O_RDWR | O_CREAT | O_EXCL, 0640);
	CHECK(fd >= 0);
	char page[5000], back[5000];
	struct stat s;
	for (int i = 0; i < 5000; i++)
		page[i] = 'A' + i % 53;
	do {
		CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
		for (int i = 0; i < 20; i++)
			CHECK(write(fd, page + i, 4999 - i) == 4999 - i);
		CHECK(lseek(fd, 0, SEEK_CUR) == 20 * 4999 - 190);
		CHECK(pwrite(fd, "middle", 6, 33333) == 6);
		CHECK(pread(fd, back, 8, 33332) == 8 && memcmp(back + 1, "middle", 6) == 0);
		CHECK(lseek(fd, 4999, SEEK_SET) == 4999 && read(fd, back, 100) == 100 && memcmp(back, page + 1, 100) == 0);
		CHECK(lseek(fd, 100, SEEK_END) == 20 * 4999 - 190 + 100);
		CHECK(write(fd, "end", 3) == 3 && pread(fd, back, 103, 20 * 4999 - 190) == 103 && back[0] == 0 && back[102] == 'd');
		CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
		CHECK(fstat(fd, &s) == 0 && s.st_size == 20 * 4999 - 190 + 103 && (s.st_mode & 0777) == 0640);
	} while (going());
	CHECK(read(fd, back, 10) == 0 && close(fd) == 0);
	FAILS(read(fd, back, 10), EBADF);
	FAILS(open("files.out", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
	return done("files");
}
