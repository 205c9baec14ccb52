# Everything a newcomer needs is `make run` and `make test`; both need Go and nothing else.

GO         ?= go
CONFIG     ?= relay.toml
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS    := -s -w -X main.version=$(VERSION)
FUZZTIME   ?= 30s
# BENCH and TRANSFER are the flags of the two benchmarks; "no" leaves one out.
# ONLY is a regular expression: which tests of test, race and e2e to run.
SOME        = $(if $(ONLY),-count=1 -run '$(ONLY)')

# Where `make install` puts things, below DESTDIR.
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR      = $(PREFIX)/bin
UNITDIR    ?= $(PREFIX)/lib/systemd/system
MANDIR      = $(PREFIX)/share/man
DOCDIR      = $(PREFIX)/share/doc/relay
BASHDIR     = $(PREFIX)/share/bash-completion/completions
ZSHDIR      = $(PREFIX)/share/zsh/site-functions
FISHDIR     = $(PREFIX)/share/fish/vendor_completions.d

# Linters run at a pinned version, straight from the module proxy.
GOFUMPT     = $(GO) run mvdan.cc/gofumpt@v0.10.0
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build run test race lint fuzz bench e2e docs install uninstall clean

build: ## the program, at bin/relay
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/relay ./cmd/relay

run: build ## the main job, with relay.toml: then try curl http://127.0.0.1:8080/
	bin/relay run --config $(CONFIG)

test: ## unit tests and the black-box suites on the real program
	$(GO) test $(SOME) -timeout 25m ./...

race: ## the same under the race detector, shortened
	$(GO) test $(SOME) -race -short -timeout 25m ./...

lint: ## gofumpt, vet and staticcheck must have nothing to say
	@out=$$($(GOFUMPT) -l .); if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet -tags e2e,docs ./...
	$(STATICCHECK) -tags e2e,docs ./...

fuzz: ## every fuzz target in turn, FUZZTIME each
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

bench: build ## beside others, about twenty minutes (apt-get install haproxy nginx libnginx-mod-stream curl rsync openssh-server)
	$(if $(filter no,$(BENCH)),,$(GO) run ./test/bench $(BENCH))
	$(if $(filter no,$(TRANSFER)),,$(GO) run ./test/bench/transfer $(TRANSFER))

e2e: build ## with curl, wget, rclone, ssh and others, and a systemd that it boots: as root (.ci/run installs them)
	$(GO) test $(SOME) -tags e2e -count=1 -timeout 20m ./test/e2e

docs: build ## man pages and shell completions, in bin/docs
	rm -rf bin/docs
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) $(GO) run -tags docs -ldflags '$(LDFLAGS)' ./cmd/relay bin/docs
	for shell in bash zsh fish; do bin/relay completion $$shell >bin/docs/relay.$$shell || exit 1; done

# As root there may be no Go, so install takes what is there and builds only what is not.
bin/relay bin/docs/relay.1:
	$(MAKE) docs

install: bin/relay bin/docs/relay.1 ## what was built: program, unit, a first configuration, man pages, completions
	install -D -m 755 bin/relay '$(DESTDIR)$(BINDIR)/relay'
	install -d '$(DESTDIR)$(UNITDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(MANDIR)/man5' '$(DESTDIR)$(DOCDIR)'
	for unit in relay.service relay.socket; do \
		sed -e 's|/usr/local/bin/|$(BINDIR)/|' -e 's|/etc/relay|$(SYSCONFDIR)/relay|' examples/systemd/$$unit >'$(DESTDIR)$(UNITDIR)'/$$unit && \
		chmod 644 '$(DESTDIR)$(UNITDIR)'/$$unit || exit 1; \
	done
	test -e '$(DESTDIR)$(SYSCONFDIR)/relay/relay.toml' || install -D -m 644 examples/systemd/relay.toml '$(DESTDIR)$(SYSCONFDIR)/relay/relay.toml'
	install -m 644 bin/docs/*.1 '$(DESTDIR)$(MANDIR)/man1'
	install -m 644 bin/docs/*.5 '$(DESTDIR)$(MANDIR)/man5'
	install -D -m 644 bin/docs/relay.bash '$(DESTDIR)$(BASHDIR)/relay'
	install -D -m 644 bin/docs/relay.zsh '$(DESTDIR)$(ZSHDIR)/_relay'
	install -D -m 644 bin/docs/relay.fish '$(DESTDIR)$(FISHDIR)/relay.fish'
	cp -R README.md CHANGELOG.md LICENSE examples '$(DESTDIR)$(DOCDIR)'

uninstall: ## what install put there, but for the configuration
	rm -f '$(DESTDIR)$(BINDIR)/relay' '$(DESTDIR)$(UNITDIR)/relay.service' '$(DESTDIR)$(UNITDIR)/relay.socket'
	rm -f '$(DESTDIR)$(MANDIR)/man1/relay.1' '$(DESTDIR)$(MANDIR)'/man1/relay-*.1 '$(DESTDIR)$(MANDIR)/man5/relay.toml.5'
	rm -f '$(DESTDIR)$(BASHDIR)/relay' '$(DESTDIR)$(ZSHDIR)/_relay' '$(DESTDIR)$(FISHDIR)/relay.fish'
	rm -rf '$(DESTDIR)$(DOCDIR)'

clean:
	rm -rf bin test/bench/out
	$(GO) clean -testcache
