# A shell with children, redirections, a here-document, a trap and job control.
set -eu
trap 'echo trap; rm -f tmp.*' EXIT
i=0
while [ "$i" -lt "$1" ]; do
	i=$((i + 1))
	echo "$i" | sed 's/^/line /' >>tmp.log
done
wc -l <tmp.log
cat <<END >note
$(tail -n 1 tmp.log)
END
(sleep 0.05; echo late) &
wait $!
sh -c 'kill -TERM $$' || echo "status $?"
exit 5
