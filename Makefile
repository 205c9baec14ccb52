# Everything a newcomer needs is `make run` and `make test`; both need Go and nothing else.

GO         ?= go
CONFIG     ?= relay.toml
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS    := -s -w -X main.version=$(VERSION)
FUZZTIME   ?= 30s

# Linters run at a pinned version, straight from the module proxy.
GOFUMPT     = $(GO) run mvdan.cc/gofumpt@v0.10.0
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build run test race lint fuzz bench e2e clean

build: ## the program, at bin/relay
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/relay ./cmd/relay

run: build ## the main job, with relay.toml: then try curl http://127.0.0.1:8080/
	bin/relay run --config $(CONFIG)

test: ## unit tests and the black-box suites on the real program
	$(GO) test -timeout 25m ./...

race: ## the same under the race detector, shortened
	$(GO) test -race -short -timeout 25m ./...

lint: ## gofumpt, vet and staticcheck must have nothing to say
	@out=$$($(GOFUMPT) -l .); if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet -tags e2e ./...
	$(STATICCHECK) -tags e2e ./...

fuzz: ## every fuzz target in turn, FUZZTIME each
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

bench: build ## beside HAProxy and nginx, about twelve minutes (apt-get install haproxy nginx libnginx-mod-stream)
	$(GO) run ./test/bench $(BENCH)

e2e: build ## with curl, wget, aria2, rclone, iperf3, redis-benchmark, ssh, nc (.ci/run installs them)
	$(GO) test -tags e2e -count=1 -timeout 20m ./test/e2e

clean:
	rm -rf bin test/bench/out
	$(GO) clean -testcache
