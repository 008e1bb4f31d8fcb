.PHONY: build test check long fuzz bench demo golden

build: ## the program, as ./galen
	go build -o galen ./cmd/galen

test: ## what the README says
	go test ./...

check: ## what a change must pass
	.ci/run

long: ## the slow tests as well: whole studies on real data, the demo, the long property tests
	GALEN_DATA=$${GALEN_DATA-$$(cd ../shared/data 2>/dev/null && pwd)} go test -tags long -timeout 60m ./...
	go test -race -tags long -run Soak ./nn # ten thousand steps on 1, 2 and 8 threads
	for f in portable avx2; do GALEN_CPU=$$f go test -timeout 60m ./engine/... ./nn || exit 1; done # the other families of instructions

fuzz: ## each fuzz target for a minute
	@for pkg in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
		echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s $$pkg || exit 1; done; done

bench: ## the speed of this machine's Galen; bench/README.md has the comparisons
	go run ./cmd/galen bench

demo:
	go run ./cmd/galen demo

golden: ## rewrite golden files and the generated reference; read the change before committing it
	go test $$(grep -rlE 'internal/golden|flag.Bool\("update"' --include=*_test.go . | xargs -n1 dirname | sort -u) -update
