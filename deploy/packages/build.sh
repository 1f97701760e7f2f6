#!/usr/bin/env bash
# Builds a deb and an rpm: deploy/packages/build.sh VERSION [ARCH [FOLDER]]. Needs Go and nfpm on the PATH (deploy/tools.sh
# builds nfpm). The packages contain the time of the commit, so that builds are reproducible.
set -euo pipefail
cd "$(dirname "$0")/../.."
export VERSION=${1:?version} ARCH=${2:-$(go env GOARCH)}
out=${3:-dist}
STAGE=$(mktemp -d)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export STAGE SOURCE_DATE_EPOCH
trap 'rm -rf "$STAGE"' EXIT
compile=deploy/packages/compile.sh

"$compile" "$VERSION" linux "$ARCH" "$STAGE/m365_connector_exporter"
"$compile" "$VERSION" "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)" "$STAGE/host" # prints its own manual page and completion
go run ./deploy/licences >"$STAGE/licences.txt"

"$STAGE/host" --completion-script-bash >"$STAGE/completion.bash"
{
  printf '.TH m365_connector_exporter 1 "" "%s"\n' "$VERSION" # kingpin puts the whole build information there, over seven lines
  "$STAGE/host" --help-man | sed -n '/^\.SH "NAME"/,$p'
} | gzip -9n >"$STAGE/m365_connector_exporter.1.gz"

mkdir -p "$out"
for packager in deb rpm; do
  nfpm package --config deploy/packages/nfpm.yaml --packager "$packager" --target "$out"
done
