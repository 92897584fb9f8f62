# Takes what other programs print, again and again: each read of a pipe ends at a
# moment of its own, and must bring its bytes wherever the shell is by then.
i=0
while [ $i -lt "$1" ]; do
	a="$(echo "line $i, with some more words than nothing")"
	b="$(printf '%s' "$a" | tr a-z A-Z)"
	echo "$a $b"
	i=$((i + 1))
done
