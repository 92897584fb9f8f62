# nginx with two workers under load, a reload and a clean end.
d=$(mktemp -d)
mkdir "$d/www" && seq 50000 >"$d/www/large" && echo small >"$d/www/small"
chmod 755 "$d" && chmod -R a+rX "$d/www"
cat >"$d/conf" <<END
worker_processes 2; pid $d/pid; error_log $d/error warn; daemon off;
events { worker_connections 64; }
http {
	access_log off; client_body_temp_path $d/b; proxy_temp_path $d/p; fastcgi_temp_path $d/f; uwsgi_temp_path $d/u; scgi_temp_path $d/s;
	gzip on; gzip_types *; sendfile on;
	server { listen unix:$d/socket; root $d/www; location /hello { return 200 "hello \$arg_n\n"; } location /proxy { proxy_pass http://unix:$d/socket:/small; } }
}
END
nginx -e "$d/error" -c "$d/conf" & server=$!
get() { curl -s -S --unix-socket "$d/socket" "$@"; }
until get http://x/small >/dev/null 2>&1; do sleep 0.05; done
load() {
	i=0
	while [ $i -lt "$2" ]; do
		[ "$(get "http://x/hello?n=$1.$i")" = "hello $1.$i" ] || echo "wrong answer $1.$i"
		i=$((i + 1))
	done
}
for n in 1 2 3; do load $n "$1" & loads="$loads $!"; done
for n in $loads; do wait "$n"; done
get http://x/large | md5sum
get --compressed http://x/large | md5sum
get -r 100-120 http://x/large
get http://x/proxy
get -o /dev/null -w '%{http_code}\n' http://x/none
i=0
while [ $i -lt "$1" ]; do echo "url = \"http://x/large?$i\""; echo 'output = "/dev/null"'; echo 'write-out = "%{http_code} %{size_download}\n"'; i=$((i + 1)); done >"$d/urls"
get -Z --no-progress-meter --parallel-max 8 -K "$d/urls" | sort | uniq -c
kill -HUP $server
until [ "$(ps -o pid= --ppid $server | wc -l)" = 2 ] && get http://x/small; do sleep 0.05; done
kill -QUIT $server; wait $server; echo "nginx $?"
grep -v -e 'signal process' -e 'No such file' "$d/error"
rm -r "$d"
