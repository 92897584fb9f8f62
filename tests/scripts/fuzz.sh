#!/bin/sh
# Runs every fuzz target of the module, one after the other, with the number of
# inputs given (50000x). With a time instead, go test calls an input that is under
# way at its end a failure.
set -eu
inputs=${1:-50000x}
for package in $(${GO:-go} list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' ./...); do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go 2>/dev/null | sed 's/^func //'); do
		${GO:-go} test -run '^$' -fuzz "^$target\$" -fuzztime "$inputs" "$package"
	done
done
