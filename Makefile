# make run    builds and serves a demo on http://127.0.0.1:8080
# make test   runs every test
# The rest: build, check, bench, release, release-check, generate, clean.

SHELL := bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := run
.PHONY: run build test test-postgres test-race check bench release release-check generate clean go

export CGO_ENABLED = 0

addr ?= 127.0.0.1:8080
db   ?= demo.db
timeout = 40m

# Long walks over the pages ask one thing after the other: nothing for the race detector.
pages = ^Test(Browser|EveryRoute|EveryLink|LookingChanges|ExtraFields|Hostile|LineBreaks|Headers|WaysBack|LongExports|PagesAreSpanish)
# SQLite itself is C that was translated: to instrument it takes four times as long, and
# what its memory holds is nothing of ours.
not_sqlite = -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

run: build
	./bin/tnreserve serve --demo --db $(db) --addr $(addr)

build: go
	@echo "Building; the first time takes a minute or four."
	go build -trimpath -o bin/tnreserve ./cmd/tnreserve

test: go
	@echo "Every test:"
	@go test -v -shuffle=on -timeout=$(timeout) ./... 2>&1 | awk '$(summary)'
	@$(MAKE) --no-print-directory test-postgres test-race

test-postgres: go
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then \
		echo "The store's again, on PostgreSQL:"; \
		TNRESERVE_TEST_DB=postgres go test -v -shuffle=on -timeout=$(timeout) -skip '^TestPostgres' ./store 2>&1 | awk '$(summary)'; \
	else \
		echo "SKIPPED: the store's tests on PostgreSQL, for want of one. Install: apt-get install -y postgresql"; \
		test -z "$$TNRESERVE_NO_SKIP"; \
	fi

# The race detector needs a C compiler, and goes where things run at once: the tests of
# the two doors ask one thing after the other.
test-race: go
	@if command -v gcc >/dev/null; then \
		echo "The same with the race detector, where things run at once:"; \
		CGO_ENABLED=1 go test -race $(not_sqlite) -v -shuffle=on -timeout=$(timeout) -skip "$(pages)" ./store/... ./web ./web/limit ./web/notify ./web/observe 2>&1 | awk '$(summary)'; \
	else \
		echo "SKIPPED: the race detector, for want of a C compiler. Install: apt-get install -y gcc libc6-dev"; \
		test -z "$$TNRESERVE_NO_SKIP"; \
	fi

check: go
	@echo "Formatting"; \
	bad=$$(gofmt -l $$(find . -name '*.go' -not -path './node_modules/*')); \
	if [ -n "$$bad" ]; then echo "Not formatted; run: gofmt -w" $$bad; exit 1; fi
	@echo "go vet"; go vet ./...
	@echo "staticcheck"; go tool staticcheck ./...
	@echo "Generated code"; \
	state() { find . -name '*_templ.go' -not -path './node_modules/*' -exec sha256sum {} + | sort -k2; }; \
	before=$$(state); \
	go tool templ generate 2>/dev/null || { go tool templ generate; exit 1; }; \
	after=$$(state); \
	if [ "$$before" != "$$after" ]; then \
		echo "Some *_templ.go did not come from their *.templ. They do now; look at them and commit:"; \
		diff <(echo "$$before") <(echo "$$after") | sed -n 's/^> [0-9a-f]*  /  /p'; exit 1; \
	fi
	@echo "All is well."

# A table of what is promised, measured here and now. data=country.csv names a file of
# the whole country; without one the benchmark makes its own of that size.
bench: build
	go build -trimpath -o bin/bench ./cmd/bench
	./bin/bench -data '$(data)'

# Archives for linux, macOS and windows with their checksums, in bin/release. The same
# commit and the same Go give the same bytes; release-check builds twice, the second
# time in another folder and without what is cached, and compares.
release: go
	go run ./cmd/release -out bin/release

release-check: go
	@again=$$(mktemp -d); trap 'chmod -R u+w "$$again"; rm -rf "$$again"' EXIT; \
	test -z "$$(git status --porcelain)" || { echo "Commit first: what is built is the commit."; exit 1; }; \
	go run ./cmd/release -out bin/release -only '$(only)'; \
	git clone -q . "$$again/elsewhere"; \
	git -C "$$again/elsewhere" checkout -q "$$(git rev-parse HEAD)"; \
	(cd "$$again/elsewhere" && GOCACHE="$$again/cache" go run ./cmd/release -out "$$again/out" -only '$(only)' >/dev/null); \
	diff "bin/release/$(or $(only),checksums).txt" "$$again/out/$(or $(only),checksums).txt" && echo "Both builds are the same."

generate: go
	go tool templ generate

clean:
	rm -rf bin

# Says in words what is missing: an older Go fetches the right one by itself where it
# may, and fails with a riddle where it may not.
go:
	@command -v go >/dev/null || { echo "This needs Go 1.26 or newer, and there is no go command here. Get it from https://go.dev/dl/"; exit 1; }
	@go version >/dev/null 2>&1 || { echo "This needs Go 1.26 or newer. $$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || echo The one here) is too old and cannot fetch a newer one. Get it from https://go.dev/dl/"; exit 1; }
	@v=$$(go env GOVERSION); v=$${v#go1.}; v=$${v%%[!0-9]*}; \
	if [ "$${v:-99}" -lt 26 ]; then echo "This needs Go 1.26 or newer; here is $$(go env GOVERSION). Get it from https://go.dev/dl/"; exit 1; fi

# What is shown of "go test -v": a line per package, each skip with its reason, and all
# that a failing package said. With TNRESERVE_NO_SKIP set a skip is a failure.
define summary
/^=== / || /^ *--- PASS/ { next } \
/^ *--- SKIP/ { skips++; print "SKIPPED: " $$3 ": " why; next } \
/^ok / { print; said = ""; next } \
/no test files/ { said = ""; next } \
/^FAIL\t/ { printf "%s", said; print; said = ""; next } \
{ said = said $$0 "\n"; why = $$0; sub(/^ +[^ ]+: /, "", why) } \
END { printf "%s", said; if (skips && ENVIRON["TNRESERVE_NO_SKIP"] != "") { print "FAIL: " skips " skipped, and TNRESERVE_NO_SKIP is set"; exit 1 } }
endef
