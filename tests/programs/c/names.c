// Names of files: rename, link, symlink, unlink, directories, umask, chdir, stat.
// build: dynamic musl
#include "guest.h"
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

static int entries(const char *dir) {
	int n = 0, sum = 0;
	DIR *d = opendir(dir);
	CHECK(d);
	for (struct dirent *e; (e = readdir(d)); n++)
		sum += strlen(e->d_name);
	CHECK(closedir(d) == 0);
	return n * 1000 + sum;
}

int main(int argc, char **argv) {
	begin(argc, argv);
	char top[PATH_MAX], here[PATH_MAX], buf[PATH_MAX];
	struct stat s, l;
	CHECK(getcwd(top, sizeof top));
	umask(027);
	do {
		CHECK(mkdir("dir", 0777) == 0 && stat("dir", &s) == 0 && (s.st_mode & 07777) == 0750);
		CHECK(chdir("dir") == 0 && getcwd(here, sizeof here));
		CHECK(strncmp(here, top, strlen(top)) == 0 && strcmp(here + strlen(top), "/dir") == 0);
		for (int i = 0; i < 40; i++) {
			snprintf(buf, sizeof buf, "file%02d", i);
			int fd = creat(buf, 0666);
			CHECK(fd >= 0 && fstat(fd, &s) == 0 && (s.st_mode & 0777) == 0640 && close(fd) == 0);
		}
		CHECK(entries(".") == 42 * 1000 + 40 * 6 + 3);
		CHECK(link("file00", "hard") == 0 && stat("hard", &s) == 0 && s.st_nlink == 2);
		CHECK(symlink("file01", "soft") == 0 && lstat("soft", &l) == 0 && S_ISLNK(l.st_mode) && l.st_size == 6);
		CHECK(readlink("soft", buf, sizeof buf) == 6 && memcmp(buf, "file01", 6) == 0);
		CHECK(rename("file02", "file03") == 0 && access("file02", F_OK) == -1 && errno == ENOENT);
		FAILS(rmdir("../dir"), ENOTEMPTY);
		FAILS(mkdir("soft", 0777), EEXIST);
		CHECK(chmod("file05", 0600) == 0 && stat("file05", &s) == 0 && (s.st_mode & 0777) == 0600);
		CHECK(realpath("soft", buf) && strcmp(strrchr(buf, '/'), "/file01") == 0);
		for (int i = 0; i < 40; i++) {
			snprintf(buf, sizeof buf, "file%02d", i);
			CHECK(unlink(buf) == 0 || i == 2);
		}
		CHECK(unlink("hard") == 0 && unlink("soft") == 0 && chdir("..") == 0 && rmdir("dir") == 0);
		CHECK(getcwd(here, sizeof here) && strcmp(here, top) == 0);
	} while (going());
	CHECK(symlink("nowhere", "names.link") == 0 && mkdir("names.dir", 0700) == 0);
	return done("names");
}
