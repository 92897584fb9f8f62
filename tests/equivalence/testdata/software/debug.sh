# gdb: a program under it, the core that it writes, and a core that the kernel writes.
cat >crash.c <<'END'
#include <stdlib.h>
int depth = 3;
static int down(int n) { return n == 0 ? abort(), 1 : down(n - 1) + n; }
int main(void) { return down(depth); }
END
gcc -g -O0 -o crash crash.c
run() { gdb -nx -batch "$@" 2>&1 | grep -e '^#' -e '^\$' -e 'Breakpoint 1,' -e 'received' -e 'exited' | sed 's/0x[0-9a-f]*/ADDR/g'; }
run -ex 'break down if n == 1' -ex run -ex 'print depth' -ex bt -ex 'generate-core-file made' -ex 'delete' -ex 'handle SIGABRT nopass' -ex 'continue' -ex kill ./crash
run -ex 'print depth + 1' -ex bt -ex 'frame 2' -ex 'info locals' -ex 'print n' ./crash made
i=0
while [ $i -lt "$1" ]; do
	run -ex 'break down' -ex run -ex 'step' -ex 'watch depth' -ex 'set var depth=5' -ex 'print depth' -ex 'finish' -ex kill ./crash | md5sum
	i=$((i + 1))
done
ulimit -c unlimited
(./crash) 2>/dev/null; echo "status $?"
for core in core core.*; do [ -e "$core" ] && run -ex bt -ex 'print depth' ./crash "$core"; done
rm -f crash crash.c made core core.*
