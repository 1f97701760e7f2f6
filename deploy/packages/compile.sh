#!/usr/bin/env bash
# Builds the binary of a release, reproducibly from any folder: deploy/packages/compile.sh VERSION OS ARCH FILE
set -euo pipefail
cd "$(dirname "$0")/../.."
info=github.com/prometheus/common/version
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
CGO_ENABLED=0 GOOS=${2:?os} GOARCH=${3:?arch} go build -trimpath -buildvcs=false \
  -ldflags "-s -w -X $info.Version=${1:?version} -X $info.Revision=$revision" -o "${4:?file}" ./cmd/m365_connector_exporter
