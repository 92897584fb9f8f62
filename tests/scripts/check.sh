#!/bin/sh
# Checks that need no cluster: formatting, vet, staticcheck (skipped, with a word,
# where its module cannot be fetched) and the tests in tests/shape.
set -eu
go=${GO:-go}
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.7.0

unformatted=$(gofmt -l cmd deputy remote tests tracer wire)
if [ -n "$unformatted" ]; then
	echo "not formatted: $unformatted" >&2
	exit 1
fi
$go vet ./...
if $go run $staticcheck -version >/dev/null 2>&1; then
	$go run $staticcheck ./...
else
	echo "check: staticcheck cannot be fetched here, skipped"
fi
$go test -count 1 ./tests/shape
