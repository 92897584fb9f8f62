# Trees through tar and zstd with pipes that are full most of the time.
mkdir -p in/deep/er out && ln -s deep/er in/link
i=0
while [ $i -lt 40 ]; do seq $i $((i + 2000)) >in/deep/f$i; i=$((i + 1)); done
seq "$1" >in/deep/er/large; : >in/empty; ln in/deep/f1 in/hard; chmod 640 in/deep/f2
head -c 1000000 /dev/zero >in/sparse; find in -exec touch -h -d 2020-01-01T00:00:00Z {} +
tar -C in --sort=name --owner=0 --group=0 --numeric-owner -cf - . | zstd -q -3 -T2 | tee packed.zst | (sleep 0.3; zstd -dqc) | tar -C out -xpf -
echo "status $?"
diff -r in out && echo same
md5sum <packed.zst
zstd -dqc packed.zst | tar -tvf - | md5sum
tar -C in -cf - deep | gzip -n | dd bs=512 2>/dev/null | gunzip | tar -C out -df - && echo compared
zstd -q -19 --long -k in/deep/er/large -o large.zst && zstd -tq large.zst; echo "test $?"
head -c 5000 packed.zst | zstd -dq 2>&1 >/dev/null | sed 's/.* : //' | tail -n 1
rm -r in out packed.zst large.zst
