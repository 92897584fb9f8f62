#!/bin/sh
# Runs every fuzz target of the module, one after the other, for the time given.
set -eu
time=${1:-10s}
for package in $(${GO:-go} list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' ./...); do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go 2>/dev/null | sed 's/^func //'); do
		${GO:-go} test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
	done
done
