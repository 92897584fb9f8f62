// Faults are handled on an alternate stack and the handler sees where and why.
// build: dynamic static
#include "guest.h"
#include <setjmp.h>
#include <sys/mman.h>

static sigjmp_buf back;
static char *wall;
static stack_t alt;
static volatile int code;

static void on_fault(int sig, siginfo_t *info, void *context) {
	(void)sig, (void)context;
	char here;
	CHECK(&here > (char *)alt.ss_sp && &here < (char *)alt.ss_sp + alt.ss_size);
	CHECK((char *)info->si_addr == wall + 123);
	code = info->si_code;
	siglongjmp(back, 1);
}

static void overflow(volatile char *up) {
	volatile char room[8192];
	room[0] = up[0];
	overflow(room);
	room[1] = room[0];
}

static void on_overflow(int sig) { (void)sig; siglongjmp(back, 2); }

int main(int argc, char **argv) {
	begin(argc, argv);
	alt = (stack_t){.ss_sp = malloc(65536), .ss_size = 65536};
	CHECK(sigaltstack(&alt, NULL) == 0);
	wall = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	do {
		struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
		CHECK(sigaction(SIGSEGV, &a, NULL) == 0);
		if (sigsetjmp(back, 1) == 0)
			wall[123] = 1;
		CHECK(code == SEGV_ACCERR);
		handle(SIGSEGV, on_overflow, SA_ONSTACK);
		int r = sigsetjmp(back, 1);
		if (r == 0)
			overflow((char[]){1});
		CHECK(r == 2);
		stack_t now;
		CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == alt.ss_sp && now.ss_flags == 0);
	} while (going());
	return done("altstack");
}
