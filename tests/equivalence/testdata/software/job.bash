# What bash has: functions, traps, subshells, here-documents, jobs, coprocesses.
count=$1
set -o pipefail

fib() { if (($1 < 2)); then echo "$1"; else echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); fi; }
for ((i = 0; i < 6; i++)); do fib $i; done | paste -sd ' '

trap 'echo "left with $?"' EXIT
trap 'usr=$((usr + 1))' USR1
usr=0
for ((i = 1; i <= count; i++)); do
	kill -USR1 $$
	[ "$usr" = "$i" ] || echo "signal $i was not seen: $usr"
done
echo "signals $usr"

(trap 'echo inner; exit 5' TERM; kill -TERM $BASHPID; echo not reached)
echo "subshell $?"
cat <<END | tr a-z A-Z
a here-document with $(echo a substitution) and $((6 * 7))
END
cat <<-'END' | (read -r a b; echo "$b|$a")
	quoted $(nothing)
	END
while read -r word; do printf '%s.' "$word"; done < <(printf '%s\n' one two three)
echo
cat <<<"a here-string"

pids=()
for ((i = 0; i < 8; i++)); do
	(for ((k = 0; k < 2000; k++)); do :; done; exit $((i * 3))) &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid"
	printf '%s ' $?
done
echo
(exit 9) & wait -n; echo "wait -n $?"
{ sleep 60 & kill -9 $!; wait $!; } 2>errors; echo "killed $?"
mkfifo ready
(trap 'exit 3' USR1; echo up >ready; while :; do sleep 0.01; done) & read -r _ <ready; kill -USR1 $!; wait $!; echo "trapped $?"
(exec sh -c 'echo up >ready; exec sleep 60') & read -r _ <ready; { kill -USR1 $!; wait $!; } 2>errors; echo "not trapped $?"

coproc UP { while read -r line; do echo "${line^^}"; done; }
pid=$UP_PID
for ((i = 0; i < count; i++)); do
	echo "line $i" >&"${UP[1]}"
	read -r answer <&"${UP[0]}"
	[ "$answer" = "LINE $i" ] || echo "wrong: $answer"
done
exec {UP[1]}>&-
wait "$pid"; echo "coproc $?"

yes | head -n 1000 | wc -l; echo "${PIPESTATUS[@]}"
false | true; echo "pipefail $?"
seq 20000 | sort -rn | awk 'NR % 5000 == 1' | paste -sd,
exec 3>out; for ((i = 0; i < count; i++)); do echo "$i" >&3; /bin/echo "e$i" >&3; done; exec 3>&-
mapfile -t lines <out; echo "${#lines[@]} ${lines[-1]}"
rm errors ready
exec 4< <(exec sleep 60); read -t 0.05 -r x <&4; echo "timeout $(($? > 128))"; kill $!; exec 4<&-
timeout 0.1 sleep 60; echo "timeout $?"
set -o posix; ulimit -n; cd /; pwd; exit 6
