# Builds and runs runtime.go.
export GOCACHE="$PWD/cache" GOPATH="$PWD/path" HOME="$PWD" GOFLAGS=-trimpath GOTOOLCHAIN=local CGO_ENABLED=0 GO111MODULE=off
go build -o runtime runtime.go; echo "build $?"
./runtime "$1"; echo "status $?"
GOMAXPROCS=1 ./runtime "$1"; echo "status $?"
go vet runtime.go; echo "vet $?"
rm -rf cache path runtime .config
