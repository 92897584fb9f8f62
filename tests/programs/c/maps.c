// mmap, munmap, mremap, mprotect and madvise of anonymous memory.
// build: dynamic musl
#include "guest.h"
#include <sys/mman.h>

static sig_atomic_t faults;
static char *guarded;

static void on_fault(int sig, siginfo_t *info, void *context) {
	(void)sig, (void)context;
	CHECK((char *)info->si_addr == guarded + 5 && info->si_code == SEGV_ACCERR);
	faults++;
	CHECK(mprotect(guarded, 4096, PROT_READ | PROT_WRITE) == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	CHECK(sigaction(SIGSEGV, &a, NULL) == 0);
	const int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
	int wanted = 0;
	do {
		char *p = mmap(NULL, 16 * 4096, rw, anon, -1, 0);
		CHECK(p != MAP_FAILED);
		for (int i = 0; i < 16; i++)
			memset(p + i * 4096, 'a' + i, 4096);
		CHECK(munmap(p + 4 * 4096, 4 * 4096) == 0);
		CHECK(mmap(p + 5 * 4096, 4096, rw, anon | MAP_FIXED, -1, 0) == p + 5 * 4096);
		CHECK(p[5 * 4096] == 0 && p[3 * 4096] == 'd' && p[8 * 4096] == 'i');
		char *q = mremap(p + 8 * 4096, 8 * 4096, 32 * 4096, MREMAP_MAYMOVE);
		CHECK(q != MAP_FAILED && q[0] == 'i' && q[7 * 4096] == 'p' && q[31 * 4096] == 0);
		guarded = q;
		CHECK(mprotect(q, 4096, PROT_READ) == 0);
		q[5] = '!';
		CHECK(faults == ++wanted && q[5] == '!' && q[6] == 'i');
		CHECK(madvise(q, 4096, MADV_DONTNEED) == 0 && q[0] == 0);
		CHECK(munmap(q, 32 * 4096) == 0 && munmap(p, 4 * 4096) == 0 && munmap(p + 5 * 4096, 4096) == 0);
	} while (going());
	return done("maps");
}
