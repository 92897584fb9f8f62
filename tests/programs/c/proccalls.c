// Every call that looks at processes and steers them: what it gives, and how it fails.
// users: differ
#include "calls.h"
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { NOBODY = 1 << 22 };
struct sched_attr {
	uint32_t size, sched_policy;
	uint64_t sched_flags;
	int32_t sched_nice;
	uint32_t sched_priority;
	uint64_t rest[3];
};
static char buf[4096], *end;

static void waiting(void) {
	int status = 77;
	siginfo_t info = {.si_pid = 77};
	struct rusage u;
	CALL(wait4, -1, &status, 0, &u);
	CALL(wait4, -1, &status, WNOHANG, NULL);
	CALL(wait4, getpid(), BAD, 0, NULL);
	CALL(wait4, -1, &status, 0x100, NULL);
	SHOW(status);
	CALL(waitid, P_ALL, 0, &info, WEXITED, &u);
	CALL(waitid, P_PID, NOBODY, &info, WEXITED | WNOHANG, NULL);
	CALL(waitid, 99, 0, &info, WEXITED, NULL);
	CALL(waitid, P_ALL, 0, &info, 0, NULL);
	CALL(waitid, P_PIDFD, 99, &info, WEXITED, NULL);
	SHOW(info.si_pid);
	CALL(getrusage, RUSAGE_SELF, &u);
	CALL(getrusage, RUSAGE_CHILDREN, &u);
	SHOW(u.ru_utime.tv_sec);
	CALL(getrusage, 99, &u);
	CALL(getrusage, RUSAGE_SELF, BAD);
}

static void limits(void) {
	struct rlimit r, core = {0, 0}, odd = {5, 4};
	CALL(getrlimit, RLIMIT_NOFILE, &r);
	CALL(getrlimit, RLIMIT_NOFILE, BAD);
	CALL(getrlimit, 99, &r);
	CALL(setrlimit, RLIMIT_NOFILE, &r);
	CALL(setrlimit, RLIMIT_NOFILE, &odd);
	CALL(setrlimit, RLIMIT_NOFILE, BAD);
	CALL(setrlimit, 99, &r);
	CALL(prlimit64, 0, RLIMIT_CORE, NULL, &core);
	CALL(prlimit64, 0, RLIMIT_CORE, &core, &core);
	CALL(prlimit64, getpid(), RLIMIT_CORE, BAD, &core);
	CALL(prlimit64, 0, RLIMIT_CORE, NULL, end - 15);
	CALL(prlimit64, NOBODY, RLIMIT_CORE, NULL, &core);
}

static void scheduling(void) {
	struct sched_param p = {0}, high = {99};
	struct sched_attr a = {.size = sizeof a}, odd = {.size = 5000};
	struct timespec t;
	uint64_t cpus[128];
	CALL(sched_setparam, 0, &p);
	CALL(sched_setparam, 0, &high);
	CALL(sched_setparam, 0, BAD);
	CALL(sched_setparam, NOBODY, &p);
	CALL(sched_getparam, 0, &p);
	SHOW(p.sched_priority);
	CALL(sched_getparam, 0, NULL);
	CALL(sched_getparam, 0, BAD);
	CALL(sched_setscheduler, 0, SCHED_BATCH, &p);
	CALL(sched_getscheduler, 0);
	CALL(sched_setscheduler, 0, SCHED_OTHER, &p);
	CALL(sched_setscheduler, 0, SCHED_OTHER, &high);
	CALL(sched_setscheduler, 0, 99, &p);
	CALL(sched_setscheduler, 0, SCHED_OTHER, BAD);
	CALL(sched_getscheduler, NOBODY);
	CALL(sched_getscheduler, -1);
	CALL(sched_get_priority_max, SCHED_FIFO);
	CALL(sched_get_priority_min, SCHED_FIFO);
	CALL(sched_get_priority_max, 99);
	CALL(sched_get_priority_min, 99);
	MAKE(sched_rr_get_interval, 0, &t);
	CALL(sched_rr_get_interval, 0, BAD);
	CALL(sched_rr_get_interval, NOBODY, &t);
	CALL(sched_getattr, 0, &a, sizeof a, 0);
	SHOW(a.size), SHOW(a.sched_policy), SHOW(a.sched_nice);
	CALL(sched_getattr, 0, &a, 7, 0);
	CALL(sched_getattr, 0, BAD, sizeof a, 0);
	CALL(sched_setattr, 0, &a, 0);
	CALL(sched_setattr, 0, &a, 99);
	CALL(sched_setattr, 0, BAD, 0);
	CALL(sched_setattr, 0, &odd, 0);
	SHOW(odd.size);
	memset(cpus, 0, sizeof cpus);
	int n = MAKE(sched_getaffinity, 0, sizeof cpus, cpus);
	CALL(sched_getaffinity, 0, 7, cpus);
	CALL(sched_getaffinity, 0, sizeof cpus, BAD);
	CALL(sched_getaffinity, NOBODY, sizeof cpus, cpus);
	CALL(sched_setaffinity, 0, n, cpus);
	CALL(sched_setaffinity, 0, n, BAD);
	CALL(sched_setaffinity, NOBODY, n, cpus);
	CALL(sched_setaffinity, 0, n, memset(cpus, 0, sizeof cpus));
	CALL(setpriority, PRIO_PROCESS, 0, 0);
	CALL(setpriority, PRIO_PROCESS, NOBODY, 0);
	CALL(setpriority, 99, 0, 0);
	CALL(getpriority, PRIO_PROCESS, 0);
	CALL(getpriority, PRIO_PROCESS, NOBODY);
	CALL(getpriority, 99, 0);
	CALL(ioprio_set, 1, 0, 2 << 13 | 5);
	CALL(ioprio_set, 1, 0, 9 << 13);
	CALL(ioprio_get, 1, 0);
	CALL(ioprio_get, 1, NOBODY);
	CALL(ioprio_get, 99, 0);
}

static void options(void) {
	uint64_t word = 77;
	char name[17] = "";
	int number = 77;
	CALL(prctl, PR_SET_NAME, "a-long-name-of-more-than-16");
	CALL(prctl, PR_GET_NAME, name);
	show(name, 16);
	CALL(prctl, PR_GET_NAME, BAD);
	CALL(prctl, PR_SET_NAME, BAD);
	CALL(prctl, PR_SET_PDEATHSIG, SIGUSR2);
	CALL(prctl, PR_GET_PDEATHSIG, &number);
	SHOW(number);
	CALL(prctl, PR_SET_PDEATHSIG, 0);
	CALL(prctl, PR_SET_PDEATHSIG, 99);
	CALL(prctl, PR_GET_DUMPABLE);
	CALL(prctl, PR_SET_DUMPABLE, 1);
	CALL(prctl, PR_GET_KEEPCAPS);
	CALL(prctl, PR_SET_KEEPCAPS, 5);
	CALL(prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	CALL(prctl, PR_GET_SECCOMP);
	CALL(prctl, PR_CAPBSET_READ, 0);
	CALL(prctl, PR_CAPBSET_READ, 99);
	CALL(prctl, PR_GET_CHILD_SUBREAPER, &number);
	SHOW(number);
	CALL(prctl, PR_GET_CHILD_SUBREAPER, BAD);
	CALL(prctl, PR_GET_TIMERSLACK);
	CALL(prctl, PR_GET_SECUREBITS);
	CALL(prctl, PR_GET_TSC, &number);
	SHOW(number);
	CALL(prctl, 50, 0); // never assigned
	CALL(arch_prctl, 0x1011, 0); // ARCH_GET_CPUID
	MAKE(arch_prctl, 0x1021, &word); // ARCH_GET_XCOMP_SUPP
	SHOW(word & 3);
	CALL(arch_prctl, 0x1021, BAD);
}

static void handles(void) {
	siginfo_t info = {.si_signo = SIGWINCH, .si_code = SI_QUEUE};
	struct { int a, b; } slot = {0, 1};
	pid_t me = getpid();
	int p = CALL(pidfd_open, me, 0), q = CALL(dup, p);
	CALL(pidfd_open, NOBODY, 0);
	CALL(pidfd_open, -1, 0);
	CALL(pidfd_open, me, 99);
	CALL(pidfd_send_signal, p, 0, NULL, 0);
	CALL(pidfd_send_signal, p, SIGWINCH, &info, 0);
	CALL(pidfd_send_signal, p, SIGUSR1, &info, 0);
	CALL(pidfd_send_signal, p, SIGWINCH, BAD, 0);
	CALL(pidfd_send_signal, p, 99, NULL, 0);
	CALL(pidfd_send_signal, 0, 0, NULL, 0);
	CALL(pidfd_getfd, p, 1, 0);
	CALL(pidfd_getfd, p, 77, 0);
	CALL(pidfd_getfd, 0, 1, 0);
	CALL(process_mrelease, p, 0);
	CALL(process_mrelease, p, 99);
	CALL(process_mrelease, 99, 0);
	CALL(kcmp, me, me, KCMP_FILE, p, q);
	SHOW(JUST(kcmp, me, me, KCMP_FILE, 0, p) != 0);
	CALL(kcmp, me, NOBODY, KCMP_FILE, 0, 0);
	CALL(kcmp, me, me, 99, 0, 0);
	CALL(kcmp, me, me, KCMP_EPOLL_TFD, p, &slot);
	CALL(kcmp, me, me, KCMP_EPOLL_TFD, p, BAD);
	CALL(kill, NOBODY, 0);
	CALL(kill, me, 0);
	CALL(kill, me, 99);
	CALL(tkill, NOBODY, SIGWINCH);
	CALL(tkill, -1, SIGWINCH);
	CALL(tkill, me, SIGWINCH);
	CALL(tgkill, me, NOBODY, SIGWINCH);
	CALL(tgkill, me, me, SIGWINCH);
	CALL(tgkill, me, me, 99);
	CALL(rt_sigqueueinfo, me, SIGWINCH, &info);
	CALL(rt_sigqueueinfo, me, SIGWINCH, BAD);
	CALL(rt_sigqueueinfo, NOBODY, SIGWINCH, &info);
	CALL(rt_tgsigqueueinfo, me, me, SIGWINCH, &info);
	CALL(rt_tgsigqueueinfo, me, NOBODY, SIGWINCH, &info);
	CALL(rt_tgsigqueueinfo, me, -1, SIGWINCH, &info);
	CALL(close_range, p, p + 2, 0);
}

static void signals(void) {
	uint64_t set = 1 << (SIGUSR1 - 1), all = -1;
	struct timespec none = {0, 0}, odd = {0, -1};
	siginfo_t info;
	memset(&info, 0, sizeof info);
	CALL(rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
	CALL(kill, getpid(), SIGUSR1);
	CALL(rt_sigtimedwait, &set, &info, &none, 8);
	SHOW(info.si_signo), SHOW(info.si_code), SHOW(info.si_pid == getpid());
	CALL(rt_sigtimedwait, &set, &info, &none, 8);
	CALL(rt_sigtimedwait, &set, &info, &odd, 8);
	CALL(rt_sigtimedwait, &set, &info, BAD, 8);
	CALL(rt_sigtimedwait, BAD, &info, &none, 8);
	CALL(rt_sigtimedwait, &set, &info, &none, 9);
	CALL(rt_sigtimedwait, &all, NULL, &none, 8);
	CALL(rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 8);
}

int main(int argc, char **argv) {
	begin(argc, argv);
	end = edge(1);
	(void)buf;
	do {
		waiting();
		limits();
		scheduling();
		options();
		handles();
		signals();
	} while (again());
	return done("proccalls");
}
