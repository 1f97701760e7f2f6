#!/usr/bin/env bash
# Builds the tools that the tests need, in pinned versions: deploy/tools.sh FOLDER. The end-to-end suite compares this
# exporter with blackbox_exporter.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p "${1:?folder}"
bin=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tool() { # module version package
  local dir
  dir=$(mktemp -d -p "$work")
  (
    cd "$dir"
    printf 'module x\ngo 1.26\n' >go.mod
    go mod edit -require="$1@$2"
    GOFLAGS=-mod=mod go build -trimpath -o "$bin/" "$3"
  )
}
tool helm.sh/helm/v3 v3.22.0 helm.sh/helm/v3/cmd/helm
tool github.com/goreleaser/nfpm/v2 v2.43.0 github.com/goreleaser/nfpm/v2/cmd/nfpm
tool github.com/CycloneDX/cyclonedx-gomod v1.10.0 github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
tool github.com/prometheus/blackbox_exporter v0.28.0 github.com/prometheus/blackbox_exporter
tool github.com/rhysd/actionlint v1.7.12 github.com/rhysd/actionlint/cmd/actionlint
tool github.com/golangci/golangci-lint/v2 v2.15.0 github.com/golangci/golangci-lint/v2/cmd/golangci-lint
for own in kube-strict compose-strict; do
  (cd "testdata/$own" && go build -trimpath -o "$bin/" .)
done
