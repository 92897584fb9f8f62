#!/bin/sh
# The demonstration: two nodes of this machine, a real job that is moved away and
# home again while ps goes on showing it, and nothing left afterwards.
#   demo.sh BIN      BIN: the directory that holds mosix and its links
set -eu
PATH=$(cd "$1" && pwd):$PATH
room=$(mktemp -d)
export XDG_STATE_HOME="$room/state" XDG_CONFIG_HOME="$room/config" XDG_CACHE_HOME="$room/cache" XDG_RUNTIME_DIR="$room"
unset MOSIX_STATE MOSIX_CONFIG
job=

finish() {
	status=$?
	trap - EXIT
	[ -z "$job" ] || kill "$job" 2>/dev/null || :
	mosctl local down >/dev/null 2>&1 || status=1
	rm -rf "$room"
	exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

say() { printf '%-7s %s\n' "$1" "$2"; }
where() { mosps | awk -v pid="$job" '$1 == pid { print $2 }'; }
seen() { ps -o pid=,args= -p "$job" | sed 's/^ *//' | cut -c 1-48; }
step() {
	say "$1" "mosps: $job is at $(where); ps: $(seen)"
}
move() {
	begun=$(date +%s%N)
	migrate "$job" "$1"
	say migrate "$job to $1: $((($(date +%s%N) - begun) / 1000000)) ms"
}

program='BEGIN { for (i = 0; i < 6000000; i++) { x = (x * 1103515245 + 12345) % 2147483648; n[x % 10]++ }
for (k = 0; k < 10; k++) print k, n[k] }'

mosctl local up 2 >/dev/null
eval "$(mosctl local env 1)"
say nodes "two daemons on loopback addresses; node 1 sees $(mosctl status --json | grep -c '"up": true') other"

begun=$(date +%s%N)
gawk "$program" >"$room/native"
say native "gawk counts for $((($(date +%s%N) - begun) / 1000000)) ms without umosix: $(cksum <"$room/native")"

mosrun gawk "$program" >"$room/moved" &
job=$!
until [ "$(where)" = home ]; do sleep 0.05; done
say mosrun "the same job, pid $job, where mosrun was started"
step home
move 2
step away
sleep 0.5
move home
step back
wait "$job" || { say failed "the job ended with $?"; exit 1; }
job=
say result "$(cksum <"$room/moved")"
cmp "$room/native" "$room/moved"
say same "output is the same, byte for byte"
