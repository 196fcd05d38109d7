# Everything here is a name for a command that README or CONTRIBUTING explains.
STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build test race purego lint bench ci

build:
	CGO_ENABLED=0 go build -o semsearch ./cmd/semsearch

test:
	go test ./...

race:
	go test -race -short ./...

purego:
	CGO_ENABLED=0 go test -short -tags purego ./...

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	$(STATICCHECK) ./...

bench:
	go test -run '^$$' -bench . -benchtime 1s ./internal/f32 ./internal/i8 ./encoder/... ./index

ci:
	bash .ci/run
