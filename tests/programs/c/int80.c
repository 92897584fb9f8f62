// A system call by the 32-bit entry, which only home can execute.
#include "guest.h"

int main(int argc, char **argv) {
	begin(argc, argv);
	do {
		int pid = 20; // getpid of the 32-bit table
		__asm__ volatile("int $0x80" : "+a"(pid) : : "memory", "r8", "r9", "r10", "r11");
		CHECK(pid == getpid() || pid == -ENOSYS);
	} while (going());
	return done("int80");
}
