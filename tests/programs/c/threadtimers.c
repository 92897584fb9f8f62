// Timers that signal one thread, and timers that start a function in a thread.
// flags: -pthread -lrt
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static sem_t ready;
static volatile int ticks, notices, wrong, worker, over;

static void on_tick(int sig, siginfo_t *info, void *context) {
	(void)sig, (void)context;
	if (gettid() != worker || info->si_code != SI_TIMER || info->si_value.sival_int != 7)
		wrong++;
	ticks++;
}

static void notice(union sigval value) {
	if (gettid() == worker || gettid() == getpid() || value.sival_int != 8)
		wrong++;
	__atomic_add_fetch(&notices, 1, __ATOMIC_SEQ_CST);
}

static void *work(void *arg) {
	struct timespec t = {0, 20000000};
	volatile uint32_t x = 1;
	worker = gettid();
	sem_post(&ready);
	while (!over) {
		x = spin(x);
		CHECK(nanosleep(&t, NULL) == 0 || errno == EINTR);
	}
	return arg;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	struct sigaction a = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO};
	CHECK(sigaction(SIGUSR1, &a, NULL) == 0 && sem_init(&ready, 0, 0) == 0);
	pthread_t t;
	CHECK(pthread_create(&t, NULL, work, NULL) == 0 && sem_wait(&ready) == 0);
	struct sigevent one = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 7};
	one.sigev_notify_thread_id = worker;
	struct sigevent new = {.sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 8};
	new.sigev_notify_function = notice;
	timer_t to_one, to_new;
	CHECK(timer_create(CLOCK_MONOTONIC, &one, &to_one) == 0 && timer_create(CLOCK_MONOTONIC, &new, &to_new) == 0);
	struct itimerspec often = {{0, 7000000}, {0, 7000000}}, seldom = {{0, 15000000}, {0, 15000000}};
	CHECK(timer_settime(to_one, 0, &often, NULL) == 0 && timer_settime(to_new, 0, &seldom, NULL) == 0);
	volatile uint32_t x = 1;
	do {
		x = spin(x);
		usleep(2000);
		CHECK(wrong == 0);
	} while (going() || ticks < 3 || notices < 2);
	CHECK(timer_delete(to_one) == 0 && timer_delete(to_new) == 0);
	over = 1;
	CHECK(pthread_join(t, NULL) == 0 && wrong == 0);
	return done("threadtimers");
}
