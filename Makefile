.PHONY: all build test race bench fuzz docs demo
all: test build
build:
	CGO_ENABLED=0 go build -trimpath ./cmd/m365_connector_exporter
test:
	go test ./...
race:
	go test -race ./...
bench:
	go test -run '^$$' -bench . ./collector ./probes/wire ./probes/schedule
fuzz:
	go test -run '^$$' -fuzz FuzzReply -fuzztime 1m ./probes/wire
	go test -run '^$$' -fuzz FuzzLoad -fuzztime 1m ./cmd/m365_connector_exporter/internal/config
docs:
	go test ./collector -run 'TestDocuments|TestGoldenScrape' -update
demo:
	go run ./cmd/m365_connector_exporter demo
