# Small programs, compiled, linked and run one after the other.
i=0
while [ $i -lt "$1" ]; do
	cat >p.c <<END
#include <stdio.h>
#include <stdlib.h>
int value$i(int x);
int main(int argc, char **argv) { for (int k = 0; k < 3; k++) printf("%d ", value$i(k)); puts(""); if ($i % 4 == 3) abort(); return $i; }
END
	echo "int value$i(int x) { return x * $i + __LINE__; }" >q.c
	case $((i % 4)) in
	0) gcc -O2 -pipe -o p p.c q.c ;;
	1) gcc -O1 -flto -o p p.c q.c ;;
	2) gcc -shared -fPIC -o libq.so q.c && gcc -o p p.c -L. -lq -Wl,-rpath,"$PWD" ;;
	3) gcc -static -g -o p p.c q.c ;;
	esac
	./p 2>&1; echo "status $?"
	i=$((i + 1))
done 2>&1 | sed 's/^.*Aborted.*$/aborted/'
echo 'int main(void) { return undeclared; }' >p.c; gcc p.c 2>&1 | grep -o 'error:.*'
rm -f p p.c q.c libq.so core
