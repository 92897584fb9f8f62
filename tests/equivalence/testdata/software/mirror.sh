# rsync: a copy, a copy of what has changed, and a comparison.
mkdir -p from/a/b && i=0
while [ $i -lt "$1" ]; do seq $i $((i + 3000)) >from/a/f$i; i=$((i + 1)); done
ln -s f1 from/a/link; echo deep >from/a/b/c; head -c 3000000 /dev/zero | tr '\0' x >from/large
rsync -a from/ to/; echo "rsync $?"
diff -r from to && echo same
echo more >>from/a/f3; rm from/a/f4; printf y | dd of=from/large bs=1 seek=1500000 conv=notrunc 2>/dev/null
rsync -rlpi --no-whole-file --delete --checksum from/ to/ | sort
rsync -rlp --stats --no-whole-file --delete -c from/ to/ | grep -e 'files: ' -e 'Total file size'
diff -r from to && echo same
rsync -az --bwlimit=20000 --partial from/large copy; cmp from/large copy && echo same
rsync nonexistent to/ 2>/dev/null; echo "rsync $?"; timeout -s INT 0.2 rsync -a --bwlimit=100 from/large other 2>/dev/null; echo "interrupted $?"
rm -rf from to copy other .large.*
