# A C project of $1 files, built by four jobs at once.
cd "$(mktemp -d)" || exit
i=0
while [ $i -lt "$1" ]; do
	echo "int f$i(int x);" >>all.h
	printf '#include "all.h"\n#include <stdio.h>\n#include <string.h>\nint f%d(int x) { char b[40]; sprintf(b, "%%d", x); return x * %d + (int)strlen(b); }\n' $i $i >f$i.c
	calls="$calls s += f$i(s & 1023);"
	objects="$objects f$i.o"
	i=$((i + 1))
done
printf '#include "all.h"\n#include <stdio.h>\nint main(void) { int s = 1; %s printf("%%d\\n", s); return s & 63; }\n' "$calls" >main.c
cat >Makefile <<END
OBJECTS = main.o $objects
prog: lib.a
	@echo link
	@gcc -o \$@ lib.a
lib.a: \$(OBJECTS)
	@echo archive
	@ar rcsD \$@ \$(OBJECTS)
%.o: %.c all.h
	@gcc -O1 -c -o \$@ \$<
check: prog
	@./prog
broken: ; @exit 3
END
make -j4 prog; echo "make $?"
make -j4 -q prog; echo "make -q $?"
touch f1.c f2.c
make -j4 check; echo "make check $?"
make -j4 broken 2>&1 | sed 's/make\[[0-9]*\]/make/'
md5sum lib.a prog
rm -r "$PWD"
