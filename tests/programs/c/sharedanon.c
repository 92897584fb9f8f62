// Shared anonymous memory: of one process, of a child for a while, under calls that change it.
#include "guest.h"
#include <sys/mman.h>
#include <sys/wait.h>

enum { PAGE = 4096, PAGES = 64, LOCKED = 3, READABLE = 10, HIDDEN = 20, CHILDS = 30, HEIRS = 31, DROPPED = 40, REMOVED = 41, MOVED = 50 };
static volatile uint32_t *shared;
static volatile uint32_t *word(int page) { return shared + page * (PAGE / 4); }
static void *at(int page) { return (void *)word(page); }

// child writes to a page that its parent has not touched.
static void child(int page, uint32_t value) {
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		*word(page) = value;
		_exit(0);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	const int rw = PROT_READ | PROT_WRITE;
	shared = mmap(NULL, PAGES * PAGE, rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	*word(READABLE) = 10, *word(HIDDEN) = 20, *word(MOVED) = 50;
	CHECK(mprotect(at(READABLE), PAGE, PROT_READ) == 0 && mprotect(at(HIDDEN), PAGE, PROT_NONE) == 0);
	CHECK(mlock(at(LOCKED), PAGE) == 0);
	child(CHILDS, 30);
	uint32_t x = 1, n = 0;
	do {
		CHECK(*word(0) == (n ? x : 0) && *word(PAGES - 1) == n && *word(LOCKED) == n);
		*word(0) = x = spin(x);
		*word(PAGES - 1) = *word(LOCKED) = ++n;
		*word(DROPPED) = *word(REMOVED) = n;
		CHECK(madvise(at(DROPPED), PAGE, MADV_DONTNEED) == 0 && *word(DROPPED) == n);
		CHECK(madvise(at(REMOVED), PAGE, MADV_REMOVE) == 0 && *word(REMOVED) == 0);
		FAILS(write(1, at(HIDDEN), 1), EFAULT);
		FAILS(read(0, at(READABLE), 0) ? -1 : pipe(at(READABLE)), EFAULT);
		if (n % 64 == 8)
			child(HEIRS, n);
		CHECK(n < 8 || *word(HEIRS) == (n - 8) / 64 * 64 + 8);
		if (n % 64 == 40) { // to another place and back
			volatile uint32_t *there = mremap(at(MOVED), PAGE, PAGE, MREMAP_MAYMOVE);
			CHECK(there == word(MOVED) && *there == 50);
			CHECK(mprotect(at(HIDDEN), PAGE, PROT_READ) == 0 && *word(HIDDEN) == 20);
			CHECK(mprotect(at(HIDDEN), PAGE, PROT_NONE) == 0);
		}
	} while (going() || n < 100);
	CHECK(*word(CHILDS) == 30 && *word(READABLE) == 10 && *word(MOVED) == 50);
	CHECK(mprotect(at(HIDDEN), PAGE, rw) == 0 && mprotect(at(READABLE), PAGE, rw) == 0 && munlock(at(LOCKED), PAGE) == 0);
	CHECK(*word(HIDDEN) == 20);
	void *whole = mremap(at(0), PAGES * PAGE, PAGES / 2 * PAGE, 0); // fails if it were several
	CHECK(whole == shared && *word(READABLE) == 10 && *word(HIDDEN) == 20 && *word(0) == x);
	return done("sharedanon");
}
