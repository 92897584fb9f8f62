// A program that cannot be loaded any more when the old one is gone already: it is killed
// by exec itself, whoever its parent is.
#include "guest.h"
#include <elf.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

// spoil makes a copy of this program whose segments lie where no program can have any.
static void spoil(const char *name) {
	Elf64_Ehdr head;
	Elf64_Phdr part;
	int from = open("/proc/self/exe", O_RDONLY), to = open(name, O_RDWR | O_CREAT | O_TRUNC, 0755);
	CHECK(from >= 0 && to >= 0);
	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	CHECK(pread(to, &head, sizeof head, 0) == sizeof head);
	for (int i = 0; i < head.e_phnum; i++) {
		off_t at = head.e_phoff + i * sizeof part;
		CHECK(pread(to, &part, sizeof part, at) == sizeof part);
		if (part.p_type == PT_LOAD)
			part.p_vaddr |= 0x7ffffffff0000000;
		CHECK(pwrite(to, &part, sizeof part, at) == sizeof part);
	}
	CHECK(close(from) == 0 && close(to) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	spoil("bad");
	int round = 0;
	do {
		int status;
		pid_t child = round & 1 ? vfork() : fork();
		CHECK(child >= 0);
		if (child == 0) {
			execl("bad", "bad", NULL);
			_exit(90);
		}
		CHECK(waitpid(child, &status, 0) == child);
		if (round < 4)
			printf("%d: status %x\n", round, status & 0x7f);
	} while (++round < 4 || going());
	CHECK(unlink("bad") == 0);
	return done("badexec");
}
