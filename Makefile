VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
INFO := github.com/prometheus/common/version
LDFLAGS := -s -w -X $(INFO).Version=$(VERSION) -X $(INFO).Revision=$(REVISION)

.PHONY: all build test race e2e soak bench fuzz compare docs screenshots demo release
all: test build
build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' ./cmd/m365_connector_exporter
test:
	go test ./...
race:
	go test -race ./...
# Needs root and the servers that .ci/run installs.
e2e:
	go test -tags e2e -count=1 -timeout 45m -v ./cmd/m365_connector_exporter/e2e/
# Two hours of everything at once; SOAK=10m sets another length. Needs root.
SOAK ?= 2h
soak:
	SOAK=$(SOAK) go test -tags e2e -count=1 -timeout 0 -v -run 'TestSoak$$' ./cmd/m365_connector_exporter/e2e/
bench:
	go test -run '^$$' -bench . ./collector ./collector/check ./probes/smtpprobe ./probes/schedule
# 10,000 and 50,000 paths against simulated servers, 15 minutes each.
.PHONY: scale
scale:
	go test -run TestScale -count=1 -timeout 30m -v ./cmd/m365_connector_exporter/internal/daemon -scale.paths 10000 -scale.interval 5m -scale.intervals 3
	go test -run TestScale -count=1 -timeout 30m -v ./cmd/m365_connector_exporter/internal/daemon -scale.paths 50000 -scale.interval 5m -scale.intervals 3
# 200 messages a second in the sink beside 1,000 probed paths, seven minutes on a quiet machine.
.PHONY: sink
sink:
	go test -run TestSinkBesideProbes -count=1 -timeout 20m -v ./cmd/m365_connector_exporter/internal/daemon -sink.paths 1000 -sink.rate 200 -sink.time 1m -sink.phases 6
# Known vulnerabilities in functions that the program calls. Needs the database at vuln.go.dev.
.PHONY: vulncheck
vulncheck:
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...
# The CPU time that one evaluation of the alert rules takes for 10,000 paths. Needs prometheus, and about five minutes.
# FAILING=100 measures an outage of all paths, without a bound.
.PHONY: rulescost
FAILING ?= 1
rulescost:
	go test -run TestRulesCost -count=1 -timeout 20m -v ./deploy -rules.paths 10000 -rules.failing $(FAILING)
# Every fuzz target; SECONDS_EACH sets the CPU time. See docs/fuzzing.md.
fuzz:
	.ci/fuzz
# This exporter, blackbox_exporter and a bare client against one server, ten minutes. Needs the same as e2e.
# deploy/tools.sh builds blackbox_exporter with the same Go.
compare:
	E2E_COMPARE=full go test -tags e2e -count=1 -timeout 30m -v -run TestComparison ./cmd/m365_connector_exporter/e2e/
# All generated documents, dashboards and golden files of tests: read the difference before you commit it.
docs:
	go test ./collector ./collector/text -run 'Golden|Documents' -update
	go test ./cmd/m365_connector_exporter/internal/config -run AllMistakesAreReported -update
	go test ./deploy -run 'ChartReadme|ComposeAlertmanager|Dashboards' -update
	go run ./deploy/licences -list >docs/licences.md
# The pictures in README.md, from the demo. Needs curl and chromium.
screenshots:
	docs/screenshots/make.sh
demo:
	go run ./cmd/m365_connector_exporter demo
# All files of a release, in DIST: make release VERSION=1.2.3. Needs the tools of deploy/tools.sh on the PATH.
DIST ?= dist
release:
	deploy/packages/release.sh '$(VERSION)' '$(DIST)'
