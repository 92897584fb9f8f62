#!/bin/sh
# Makes sure that the Debian packages which the tests need are there. As root it
# installs what is missing; otherwise it says what is missing and fails.
#   packages.sh SET      SET: demo (what `make demo` needs), test (what the tests need),
#                      or long (with all software that `make test-long` runs)
set -eu

have() {
	case $1 in
	musl-tools) command -v musl-gcc ;;
	xz-utils) command -v xz ;;
	iproute2) command -v ip ;;
	procps) command -v ps ;;
	util-linux) command -v nsenter ;;
	golang-go) command -v go ;;
	redis-tools) command -v redis-benchmark ;;
	nodejs) command -v node ;;
	default-jdk-headless) command -v javac ;;
	libc6-dev) test -e /usr/include/stdio.h && echo yes ;;
	python3) test -x /usr/bin/python3 && echo yes ;;
	*) command -v "$1" ;;
	esac >/dev/null 2>&1
}

small="gcc libc6-dev musl-tools make flac gawk gzip xz-utils zstd sqlite3 perl python3 gdb git rsync openssl iproute2 procps util-linux"
case ${1:-test} in
demo) wanted="gawk procps" ;;
test) wanted=$small ;;
long) wanted="$small golang-go nodejs default-jdk-headless redis-server redis-tools nginx curl tmux dash" ;;
*) echo "packages.sh: unknown set $1" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
	have "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "missing Debian packages:$missing" >&2
	echo "install them with: sudo apt-get install$missing" >&2
	exit 1
fi
echo "installing$missing"
apt-get -q update
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
