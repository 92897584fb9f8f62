#!/bin/sh
# Runs go test with the given arguments and, if something fails, says last and in
# short what it was: each test that failed with the beginning of its messages,
# without the logs of nodes.
set -eu
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=$(mktemp)
{ ${GO:-go} test "$@" 2>&1 || echo failed >"$status"; } | tee "$out"
failed=$(cat "$status")
rm -f "$status"
[ -n "$failed" ] || exit 0
echo
echo "what failed:"
awk '
	/^(---|    +---) FAIL|^FAIL|^panic:|^fatal error:/ { print; left = 0; next }
	/^ +[A-Za-z0-9_]+\.go:[0-9]+: log of node/ { left = 0; next }
	/^ +[A-Za-z0-9_]+\.go:[0-9]+: / { left = 6 }
	left > 0 { print substr($0, 1, 300); left-- }
' "$out"
exit 1
