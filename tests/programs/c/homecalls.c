// Every call that is made at home only: what it gives, and how it fails. Nothing of
// the machine is changed.
// users: differ
#include "calls.h"
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <sys/ipc.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <sys/uio.h>

static char buf[4096], page[4096] __attribute__((aligned(4096)));
static int file;

// asynchronous writes and reads a file by the kernel's AIO.
static void asynchronous(void) {
	aio_context_t c = 0;
	struct iocb out = {.aio_data = 11, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = file, .aio_buf = (uintptr_t) "written by AIO", .aio_nbytes = 14};
	struct iocb in = {.aio_data = 22, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = file, .aio_buf = (uintptr_t)buf, .aio_nbytes = 100};
	struct iocb odd = {.aio_lio_opcode = 99, .aio_fildes = file}, *list[2] = {&out, &in}, *wrong[1] = {&odd};
	struct io_event e[2];
	struct timespec none = {0, 0};
	CALL(io_setup, 4, BAD);
	CALL(io_setup, 0, &c);
	CALL(io_setup, 4, &c);
	CALL(io_submit, c, 1, list);
	CALL(io_getevents, c, 1, 2, e, NULL);
	SHOW(e[0].data), SHOW(e[0].res);
	CALL(io_submit, c, 1, list + 1);
	CALL(io_pgetevents, c, 1, 2, e, NULL, NULL);
	SHOW(e[0].data), SHOW(e[0].res);
	show(buf, 14);
	CALL(io_submit, c, 1, wrong);
	CALL(io_submit, c, 1, BAD);
	CALL(io_cancel, c, &out, e);
	CALL(io_getevents, c, 0, 2, e, &none);
	CALL(io_destroy, c);
	CALL(io_destroy, c);
}

// ring makes a call by io_uring.
static void ring(void) {
	struct io_uring_params p = {0};
	CALL(io_uring_setup, 0, &p);
	CALL(io_uring_setup, 4, BAD);
	int fd = MAKE(io_uring_setup, 4, &p);
	if (fd < 0)
		return;
	char *rings = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	struct io_uring_sqe *q = mmap(NULL, p.sq_entries * sizeof *q, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	CHECK(rings != MAP_FAILED && q != MAP_FAILED && (p.features & IORING_FEAT_SINGLE_MMAP));
	for (int i = 0; i < 3; i++) {
		memset(q, 0, sizeof *q);
		q->opcode = i == 1 ? IORING_OP_READ : IORING_OP_NOP, q->fd = file, q->addr = (uintptr_t)buf, q->len = 7, q->user_data = 40 + i;
		((unsigned *)(rings + p.sq_off.array))[*(unsigned *)(rings + p.sq_off.tail) & *(unsigned *)(rings + p.sq_off.ring_mask)] = 0;
		__atomic_add_fetch((unsigned *)(rings + p.sq_off.tail), 1, __ATOMIC_RELEASE);
		CALL(io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
		unsigned *head = (unsigned *)(rings + p.cq_off.head);
		struct io_uring_cqe *e = (struct io_uring_cqe *)(rings + p.cq_off.cqes) + (*head & *(unsigned *)(rings + p.cq_off.ring_mask));
		SHOW(e->user_data), SHOW(e->res);
		__atomic_add_fetch(head, 1, __ATOMIC_RELEASE);
	}
	show(buf, 7);
	CALL(io_uring_register, fd, 999, NULL, 0);
	CALL(io_uring_enter, 0, 0, 0, 0, NULL, 0);
	CHECK(munmap(rings, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe)) == 0 && munmap(q, p.sq_entries * sizeof *q) == 0 && close(fd) == 0);
}

// memory is shared, locked, bound, and looked at.
static void memory(void) {
	int id = shmget(IPC_PRIVATE, 4096, 0600), p[2], status[1] = {77};
	struct iovec mine = {buf, 6}, theirs = {page, 6}, bad = {BAD, 6};
	unsigned long nodes = 1;
	char *at = (char *)JUST(shmat, id, NULL, 0);
	CHECK(at != (char *)-1 && pipe(p) == 0);
	strcpy(at, "shared");
	show(at, 6);
	CALL(shmat, id, BAD, 0);
	CALL(shmat, -1, NULL, 0);
	CALL(shmdt, at);
	CALL(shmdt, at);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	strcpy(page, "a page");
	CALL(process_vm_readv, getpid(), &mine, 1, &theirs, 1, 0);
	show(buf, 6);
	CALL(process_vm_readv, getpid(), &mine, 1, &bad, 1, 0);
	CALL(process_vm_writev, getpid(), &mine, 1, &theirs, 1, 9);
	CALL(process_vm_writev, getpid(), &mine, 1, &theirs, 1, 0);
	CALL(process_madvise, 99, &theirs, 1, 0, 0);
	CALL(vmsplice, p[1], &theirs, 1, 0);
	show(buf, CALL(read, p[0], buf, 10));
	CALL(vmsplice, p[1], &bad, 1, 0);
	CALL(vmsplice, file, &theirs, 1, 0);
	CALL(mlock, page, 4096);
	CALL(munlock, page, 4096);
	CALL(mlock2, page, 4096, 99);
	CALL(mlockall, 99);
	CALL(munlockall);
	CALL(mbind, page, 4096, 99, NULL, 0, 0);
	CALL(set_mempolicy, 0, NULL, 0);
	CALL(set_mempolicy, 99, NULL, 0);
	CALL(set_mempolicy_home_node, page, 4096, 0, 99);
	CALL(get_mempolicy, status, NULL, 0, BAD, 2 /* MPOL_F_ADDR */);
	CALL(migrate_pages, 1 << 22, 8, &nodes, &nodes);
	CALL(move_pages, 1 << 22, 1, &mine, NULL, status, 0);
	CALL(remap_file_pages, page, 4096, PROT_READ, 0, 0);
	CALL(pkey_free, 99);
	CALL(pkey_mprotect, page, 4096, PROT_READ, 99);
	MAKE(pkey_alloc, 0, 99);
	CALL(userfaultfd, 1 << 20);
	CALL(memfd_secret, 99);
	CALL(map_shadow_stack, 0, 0, 99);
	CALL(mseal, page + 1, 4096, 0);
	CHECK(close(p[0]) == 0 && close(p[1]) == 0);
}

// rest are calls that fail, or change nothing.
static void rest(void) {
	struct itimerval off = {{0, 0}, {0, 0}};
	CALL(setitimer, ITIMER_VIRTUAL, &off, NULL);
	CALL(personality, 0);
	CALL(unshare, 0);
	CALL(unshare, 1);
	CALL(setns, 99, 0);
	CALL(ptrace, PTRACE_PEEKDATA, 1 << 22, page, buf);
	CALL(seccomp, 99, 0, NULL);
	CALL(keyctl, 99999, 0, 0, 0, 0);
	CALL(modify_ldt, 0, buf, 16);
	CALL(modify_ldt, 99, buf, 16);
	CALL(iopl, 99);
	CALL(ioperm, 1 << 20, 1, 1);
	CALL(sysfs, 99, 0, 0);
	CALL(quotactl, 0, BAD, 0, NULL);
	CALL(quotactl_fd, 99, 0, 0, NULL);
	CALL(bpf, 0, BAD, 16);
	CALL(perf_event_open, BAD, 0, -1, -1, 0);
	CALL(mount, NULL, BAD, NULL, 0, NULL);
	CALL(umount2, "nowhere", 0);
	CALL(pivot_root, "nowhere", "nowhere");
	CALL(open_tree, -1, "nowhere", 99);
	CALL(move_mount, 99, "", 98, "", 1 << 20);
	CALL(fsopen, BAD, 0);
	CALL(fsconfig, 99, 0, NULL, NULL, 0);
	CALL(fsmount, 99, 0, 0);
	CALL(fspick, -1, "nowhere", 0);
	CALL(mount_setattr, -1, "nowhere", 0, BAD, 32);
	CALL(reboot, 0, 0, 0, NULL);
	CALL(delete_module, "umosix_nowhere", 0);
	CALL(prctl, 12345, 0, 0, 0, 0);
	CALL(fcntl, file, 12345, 1);
	CALL(ioctl, file, 0x12345678, buf);
	note("number 350: %ld, 9999: %ld, -1: %ld\n", syscall(350), syscall(9999), syscall(-1));
}

int main(int argc, char **argv) {
	begin(argc, argv);
	CHECK((file = open("homecalls.out", O_RDWR | O_CREAT | O_EXCL, 0644)) >= 0);
	do {
		asynchronous();
		ring();
		memory();
		rest();
	} while (again());
	return done("homecalls");
}
