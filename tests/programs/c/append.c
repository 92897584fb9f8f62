// A log opened with O_APPEND by two descriptors, a stdio stream and a truncation.
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	int a = open("append.log", O_WRONLY | O_CREAT | O_APPEND, 0644), b = open("append.log", O_RDWR | O_APPEND);
	FILE *f = fopen("append.log", "a");
	CHECK(a >= 0 && b >= 0 && f);
	setvbuf(f, NULL, _IOLBF, 0);
	do {
		CHECK(ftruncate(b, 0) == 0);
		for (int i = 0; i < 100; i++) {
			dprintf(a, "a %d\n", i);
			CHECK(write(b, "b\n", 2) == 2);
			fprintf(f, "stream %d\n", i);
		}
		CHECK(lseek(a, 0, SEEK_END) == 490 + 200 + 990 && lseek(b, 0, SEEK_CUR) < 1680);
	} while (going());
	CHECK((fcntl(a, F_GETFL) & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_WRONLY));
	return done("append");
}
