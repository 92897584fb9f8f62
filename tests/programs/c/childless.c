// Waiting without children fails at once, in every way.
#include "guest.h"
#include <sys/wait.h>

int main(int argc, char **argv) {
	begin(argc, argv);
	do {
		int status;
		siginfo_t info;
		FAILS(wait(&status), ECHILD);
		FAILS(waitpid(-1, &status, WNOHANG), ECHILD);
		FAILS(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
		FAILS(waitpid(getpid(), &status, 0), ECHILD);
	} while (going());
	return done("childless");
}
