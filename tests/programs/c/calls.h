// What the programs about single calls share: CALL makes a call past the C library
// and notes what it gave. The notes of the first round are printed, and each later
// round must give the same ones.
#ifndef CALLS_H
#define CALLS_H
#include "guest.h"
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define BAD ((char *)8)                       // never mapped
#define KERNEL ((char *)0xffff888000000000)   // the kernel's
#define NOWHERE ((char *)0x7fffffffe000)      // the last page of user space

// Numbers that are younger than the C library.
enum {
	SYS_cachestat = 451, SYS_fchmodat2, SYS_map_shadow_stack, SYS_statmount = 457, SYS_listmount, SYS_lsm_get_self_attr, SYS_lsm_set_self_attr,
	SYS_lsm_list_modules, SYS_mseal, SYS_setxattrat, SYS_getxattrat, SYS_listxattrat, SYS_removexattrat,
	SYS_file_getattr = 468, SYS_file_setattr, SYS_listns,
};

static char notes[1 << 16], first_notes[1 << 16];
static size_t noted;

__attribute__((format(printf, 1, 2))) static inline void note(const char *format, ...) {
	va_list list;
	va_start(list, format);
	noted += vsnprintf(notes + noted, sizeof notes - noted, format, list);
	va_end(list);
	CHECK(noted < sizeof notes);
}

static inline long outcome(const char *call, long ret) {
	if (ret == -1)
		note("%s: %s\n", call, strerrorname_np(errno));
	else
		note("%s = %ld\n", call, ret);
	return ret;
}

// quiet notes only whether the call failed, and how.
static inline long quietly(const char *call, long ret) {
	note("%s: %s\n", call, ret == -1 ? strerrorname_np(errno) : "ok");
	return ret;
}

#define SYSCALL(nr, a, b, c, d, e, f, ...) syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
// CALL is the result of a call, which is noted; MAKE notes only that it was well,
// where the result is a number of the kernel's choice; JUST notes nothing.
#define JUST(name, ...) SYSCALL(SYS_##name, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define CALL(name, ...) outcome(#name "(" #__VA_ARGS__ ")", JUST(name, ##__VA_ARGS__))
#define MAKE(name, ...) quietly(#name "(" #__VA_ARGS__ ")", JUST(name, ##__VA_ARGS__))
#define SHOW(x) note("  %s %ld\n", #x, (long)(x))

// show notes n bytes.
static inline void show(const void *at, long n) {
	note("  \"");
	for (long i = 0; i < n; i++) {
		unsigned char c = ((const unsigned char *)at)[i];
		note(c >= ' ' && c < 127 ? "%c" : "\\%o", c);
	}
	note("\"\n");
}

// again ends a round and tells whether there is time for one more.
static inline int again(void) {
	if (!first_notes[0]) {
		memcpy(first_notes, notes, noted);
		fputs(first_notes, stdout);
	} else if (memcmp(first_notes, notes, noted + 1) != 0) {
		size_t i = 0;
		while (notes[i] == first_notes[i])
			i++;
		while (i > 0 && notes[i - 1] != '\n')
			i--;
		printf("now %.*s, first %.*s\n", (int)strcspn(notes + i, "\n"), notes + i, (int)strcspn(first_notes + i, "\n"), first_notes + i);
		exit(99);
	}
	memset(notes, 0, noted);
	noted = 0;
	return going();
}

// edge is the end of n writable pages, behind which nothing is mapped.
static inline char *edge(int n) {
	char *room = mmap(NULL, (n + 1) * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(room != MAP_FAILED && munmap(room + n * 4096L, 4096) == 0);
	return room + n * 4096L;
}
#endif
