# Every target is one line of shell or a script in tests/scripts.
export CGO_ENABLED = 0
GO      ?= go
PREFIX  ?= /usr/local
DESTDIR ?=
# Packages run one at a time: tests that look at the time need the machine.
TEST    = tests/scripts/test.sh -p 1 -count 1
NAMES   = mosrun mosd mosmigrate mosmon mosps mosctl mostune mosnative mostop moskillall setpe \
          runhome runon nomig cpujob iojob nodecay slowdecay fastdecay
CLASSIC = migrate mon tune native

.PHONY: help build demo test test-long fuzz bench check install install-classic clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

build: ## build bin/mosix and its links
	$(GO) build -trimpath -o bin/mosix ./cmd/mosix
	@cd bin && for name in $(NAMES) $(CLASSIC); do ln -sf mosix $$name; done

demo: ## move a real job out and home again between two nodes of this machine
	@tests/scripts/packages.sh demo
	@$(MAKE) --no-print-directory -s build
	@tests/scripts/demo.sh bin

test: ## all tests with small inputs, 3 seeds and ways to run shared by two users, at most 20 minutes on two cores
	@tests/scripts/packages.sh test
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory fuzz FUZZTIME=30000x
	$(TEST) -short -timeout 15m ./...

test-long: ## all tests with full inputs, 20 seeds, 10,000 moves and 200 rounds of faults
	@tests/scripts/packages.sh long
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory fuzz FUZZTIME=300000x
	SEEDS=20 $(TEST) -timeout 6h -v ./...

fuzz: ## run every fuzz target for FUZZTIME (default 50000x; a number of inputs)
	@tests/scripts/fuzz.sh $(or $(FUZZTIME),50000x)

bench: ## print the costs of the product as ratios to doing without it
	@tests/scripts/packages.sh test
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 2h ./tests/bench

check: ## formatting, vet, staticcheck where it can be had, and the shape of the repository
	@tests/scripts/check.sh

install: build ## install mosix and the names of MOSIX 3 below PREFIX
	install -D -m 755 bin/mosix $(DESTDIR)$(PREFIX)/bin/mosix
	@for name in $(NAMES); do ln -sf mosix $(DESTDIR)$(PREFIX)/bin/$$name; done

install-classic: install ## also the short names of 1999: migrate, mon, tune, native
	@for name in $(CLASSIC); do ln -sf mosix $(DESTDIR)$(PREFIX)/bin/$$name; done

clean: ## remove what build made
	rm -rf bin
