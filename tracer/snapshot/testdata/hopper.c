// A program that changes its address space step by step, as a seed says, and
// digests all of it after every step. The digest holds no addresses, so it must
// be the same wherever the steps were made.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define SLOTS 24

static volatile long go, at;
static uint64_t digest = 1469598103934665603ull, state;
static struct slot { unsigned char *p; long pages; int prot, file; } slots[SLOTS];
static unsigned char bss[16 * PAGE];
static unsigned char data[16 * PAGE] = {1, 2, 3};

static uint64_t rnd(uint64_t n) {
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return state % n;
}

static void eat(const unsigned char *p, long n) {
	for (long i = 0; i < n; i += 8) digest = (digest ^ *(const uint64_t *)(p + i)) * 1099511628211ull;
}

static void scribble(unsigned char *p, long pages) {
	for (int i = rnd(4); i >= 0; i--) {
		unsigned char *page = p + rnd(pages) * PAGE;
		if (rnd(3) == 0) memset(page, 0, PAGE);
		else for (int k = 0; k < 20; k++) page[rnd(PAGE)] = rnd(256);
	}
}

static int deep(int n) {
	volatile unsigned char frame[PAGE];
	memset((void *)frame, n, sizeof frame);
	return n ? deep(n - 1) + frame[n] % 3 : frame[5];
}

static void step(int fd) {
	struct slot *s = &slots[rnd(SLOTS)];
	if (!s->p) {
		s->pages = 1 + rnd(40);
		s->prot = PROT_READ | PROT_WRITE;
		s->file = rnd(3) == 0;
		s->p = mmap(NULL, s->pages * PAGE, s->prot, MAP_PRIVATE | (s->file ? 0 : MAP_ANONYMOUS), s->file ? fd : -1, s->file ? rnd(20) * PAGE : 0);
		if (s->p == MAP_FAILED) abort();
	}
	long first = rnd(s->pages), n = 1 + rnd(s->pages - first);
	switch (rnd(11)) {
	case 0: munmap(s->p, s->pages * PAGE); s->p = NULL; break;
	case 1: madvise(s->p + first * PAGE, n * PAGE, MADV_DONTNEED); break;
	case 2: s->prot = (int[]){PROT_NONE, PROT_READ, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE}[rnd(4)]; mprotect(s->p, s->pages * PAGE, s->prot); break;
	case 3:
		n = 1 + rnd(60);
		if (s->file && n > s->pages) break;
		s->p = mremap(s->p, s->pages * PAGE, n * PAGE, MREMAP_MAYMOVE);
		if (s->p == MAP_FAILED) abort();
		s->pages = n;
		break;
	case 4: sbrk(rnd(2) ? 5 * PAGE : -3 * PAGE); break;
	case 5: digest += deep(rnd(300)); break;
	case 6: scribble(bss, 16); break;
	case 7: scribble(data, 16); break;
	default: if (s->prot & PROT_WRITE) scribble(s->p, s->pages);
	}
	for (s = slots; s < slots + SLOTS; s++)
		if (s->p && s->prot & PROT_READ) eat(s->p, s->pages * PAGE);
	eat(bss, sizeof bss);
	eat(data, sizeof data);
	unsigned char *end = sbrk(0);
	eat(end - PAGE, PAGE);
}

int main(int argc, char **argv) {
	long steps = atol(argv[1]);
	state = atol(argv[2]);
	go = atol(argv[3]);
	int fd = open("/proc/self/exe", O_RDONLY);
	sbrk(400 * PAGE);
	printf("%p %p %d\n", (void *)&go, (void *)&at, getpid());
	fflush(stdout);
	if (fd != 3) return 1;
	for (at = 0; at < steps; at++) {
		while (go <= at) asm volatile("pause");
		step(fd);
	}
	_exit(digest % 251);
}
