// Data that moves between descriptors without passing the program.
#include "guest.h"
#include <sys/sendfile.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	int in = open("copy.in", O_RDWR | O_CREAT | O_TRUNC, 0644), out = open("copy.out", O_RDWR | O_CREAT | O_TRUNC, 0644), p[2];
	CHECK(in >= 0 && out >= 0 && pipe(p) == 0);
	char page[4096];
	for (int i = 0; i < 8; i++) {
		memset(page, 'a' + i, sizeof page);
		CHECK(write(in, page, sizeof page) == sizeof page);
	}
	do {
		off_t at = 4096, to = 100;
		CHECK(lseek(out, 0, SEEK_SET) == 0 && sendfile(out, in, &at, 8192) == 8192 && at == 12288);
		CHECK(copy_file_range(in, &at, out, &to, 4096, 0) == 4096 && at == 16384 && to == 4196);
		at = 100;
		CHECK(splice(in, &at, p[1], NULL, 1000, 0) == 1000 && at == 1100);
		CHECK(read(p[0], page, 4096) == 1000 && page[0] == 'a');
		CHECK(pread(out, page, 101, 0) == 101 && page[99] == 'b' && page[100] == 'd');
	} while (going());
	return done("copy");
}
