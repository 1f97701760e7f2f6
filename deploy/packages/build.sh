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
# The program prints its own manual page and completion.
if [[ $(go env GOHOSTOS)/$(go env GOHOSTARCH) == "linux/$ARCH" ]]; then
  ln -s m365_connector_exporter "$STAGE/host"
else
  "$compile" "$VERSION" "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)" "$STAGE/host"
fi
go run ./deploy/licences >"$STAGE/licences.txt"

"$STAGE/host" --completion-script-bash >"$STAGE/completion.bash"
{
  printf '.TH m365_connector_exporter 1 "" "%s"\n.SH "NAME"\n' "$VERSION" # kingpin puts the whole build information there
  printf 'm365_connector_exporter \\- Prometheus exporter for Microsoft 365 connectors\n'
  "$STAGE/host" --help-man | sed -n '/^\.SH "SYNOPSIS"/,$p'
  cat deploy/packages/man.roff
} | gzip -9n >"$STAGE/m365_connector_exporter.1.gz"
# A Debian package must have a changelog of its own format.
maintainer=$(sed -n 's/^maintainer: //p' deploy/packages/nfpm.yaml)
printf 'm365-connector-exporter (%s) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' "${VERSION/-/\~}" "$maintainer" \
  "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$STAGE/changelog.gz"

mkdir -p "$out"
for packager in deb rpm; do
  nfpm package --config deploy/packages/nfpm.yaml --packager "$packager" --target "$out"
done
