# A server of redis under load, with a save by a forked child, and a clean end.
d=$(mktemp -d)
redis-server --port 0 --unixsocket "$d/socket" --dir "$d" --save '' --appendonly yes --daemonize no >"$d/log" 2>&1 &
cli() { redis-cli -s "$d/socket" "$@"; }
until cli ping >/dev/null 2>&1; do sleep 0.05; done
redis-benchmark -s "$d/socket" -q -n "$1" -c 10 -t set,get,incr,lpush,lpop,mset | tr '\r' '\n' | sed -n 's/: [0-9.]* requests per second.*//p' | sort
redis-benchmark -s "$d/socket" -q -n "$1" -c 10 -P 8 -r 1000 incr k | tr '\r' '\n' | sed -n 's/: [0-9.]* requests per second.*//p'
cli get k
cli del mylist key:__rand_int__ >/dev/null
i=0
while [ $i -lt 20 ]; do echo "set n$i $i"; echo "hset h f$i $i"; i=$((i + 1)); done | cli | sort | uniq -c
cli bgsave; cli bgrewriteaof | sed "s/ started$/ scheduled/"
until cli info persistence | grep -q 'rdb_bgsave_in_progress:0' && cli info persistence | grep -q 'aof_rewrite_in_progress:0' &&
	cli info persistence | grep -q 'aof_rewrite_scheduled:0'; do sleep 0.05; done
cli info persistence | grep -a -e rdb_last_bgsave_status -e aof_last_bgrewrite_status
cli eval 'local s = 0; for i = 0, 19 do s = s + redis.call("get", "n" .. i) end; return s' 0
(cli blpop queue 30 | paste -sd' ') & until cli lpush queue item | grep -q 1; do :; done; wait $!
cli dbsize; cli debug sleep 0.1 2>&1 | cut -c1-3; cli shutdown save
wait; echo "server $?"
grep -c 'ready to exit' "$d/log"
redis-server --port 0 --unixsocket "$d/socket" --dir "$d" --save '' --appendonly yes >"$d/log" 2>&1 &
until cli ping 2>/dev/null | grep -q PONG; do sleep 0.05; done
cli get n7; cli hlen h; kill -TERM $!; wait $!; echo "server $?"
rm -r "$d"
