#!/usr/bin/env bash
# Makes a deb and an rpm: deploy/packages/build.sh VERSION [ARCH [FOLDER]]. Wants Go and nfpm on the PATH (deploy/tools.sh brings it).
set -euo pipefail
cd "$(dirname "$0")/../.."
export VERSION=${1:?version} ARCH=${2:-$(go env GOARCH)}
out=${3:-dist}
STAGE=$(mktemp -d)
export STAGE
trap 'rm -rf "$STAGE"' EXIT
info=github.com/prometheus/common/version
flags="-s -w -X $info.Version=$VERSION -X $info.Revision=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"

build() { CGO_ENABLED=0 GOOS=$1 GOARCH=$2 go build -trimpath -ldflags "$flags" -o "$3" ./cmd/m365_connector_exporter; }
build linux "$ARCH" "$STAGE/m365_connector_exporter"
build "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)" "$STAGE/host" # it tells its own flags

"$STAGE/host" --completion-script-bash >"$STAGE/completion.bash"
"$STAGE/host" --completion-script-zsh >"$STAGE/completion.zsh"
{
  printf '.TH m365_connector_exporter 1 "" "%s"\n' "$VERSION" # kingpin puts the whole build information there, over seven lines
  "$STAGE/host" --help-man | sed -n '/^\.SH "NAME"/,$p'
} | gzip -9n >"$STAGE/m365_connector_exporter.1.gz"

mkdir -p "$out"
for packager in deb rpm; do
  nfpm package --config deploy/packages/nfpm.yaml --packager "$packager" --target "$out"
done
