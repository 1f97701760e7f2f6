#!/usr/bin/env bash
# Builds all files of a release: deploy/packages/release.sh VERSION [FOLDER], or make release VERSION=1.2.3. Needs a commit,
# Go, zip, wixl, msitools, faketime, and nfpm, helm and cyclonedx-gomod on the PATH (deploy/tools.sh builds them). The build is
# reproducible from any folder. PLATFORMS, for example "linux/amd64", restricts it.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=${1:?version}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || { echo "not a version such as 1.2.3: $version" >&2; exit 2; }
mkdir -p "${2:-dist}"
out=$(cd "${2:-dist}" && pwd)
[[ -z $(ls -A "$out") ]] || { echo "not empty: $out" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
umask 022

# archive packs a folder of $work reproducibly: sorted, with fixed times and owners.
archive() { # folder file
  tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u+rw,go=u-w --format=gnu -C "$work" -cf - "$1" | gzip -9n >"$2"
}

zipped() { # folder file
  chmod -R u=rwX,go=rX "$work/$1" # the modes of a clone depend on the umask of its user
  find "$work/$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  (cd "$work" && find "$1" -type f | sort | zip -q -X -@ "$2")
}

installer() { # folder file
  cp deploy/windows/config.yaml "$work/$1/"
  deploy/windows/msi.sh "$version" "$work/$1" "$2"
}

platform() { # os arch
  local name=m365_connector_exporter-$version.$1-$2 binary=m365_connector_exporter
  [[ $1 != windows ]] || binary=$binary.exe
  mkdir -p "$work/$name/docs" "$work/$name/prometheus" "$work/$name/dashboards"
  deploy/packages/compile.sh "$version" "$1" "$2" "$work/$name/$binary"
  cyclonedx-gomod bin -json -licenses -assert-licenses -std -noserial -notimestamp -version "$version" \
    -output "$out/$name.cdx.json" "$work/$name/$binary" 2>"$work/sbom.log" || { cat "$work/sbom.log" >&2; exit 1; }
  cp LICENSE README.md CHANGELOG.md config.example.yaml deploy/powershell/Export-M365Connectors.ps1 "$work/$name/"
  cp -r docs/. "$work/$name/docs/"
  find "$work/$name/docs" \( -name '*.go' -o -name '*.sh' \) -delete # of the repository
  cp deploy/prometheus/rules/*.yml "$work/$name/prometheus/"
  cp deploy/grafana/dashboards/*.json "$work/$name/dashboards/"
  cp deploy/alertmanager/alertmanager.yml "$work/$name/"
  cp "$work/licences.txt" "$work/$name/LICENCES-THIRD-PARTY.txt"
  if [[ $1 == windows ]]; then
    zipped "$name" "$out/$name.zip"
    installer "$name" "$out/$name.msi"
  else
    archive "$name" "$out/$name.tar.gz"
  fi
  if [[ $1 == linux ]]; then deploy/packages/build.sh "$version" "$2" "$out"; fi
}

chart() {
  helm package --version "$version" --app-version "$version" --destination "$work" deploy/kubernetes/helm/m365-connector-exporter >/dev/null
  tar -C "$work" -xmzf "$work/m365-connector-exporter-$version.tgz" # helm writes the current time
  archive m365-connector-exporter "$out/m365-connector-exporter-$version.chart.tgz"
}

go run ./deploy/licences >"$work/licences.txt"
for p in ${PLATFORMS:-linux/amd64 linux/arm64 windows/amd64 darwin/amd64 darwin/arm64}; do
  platform "${p%/*}" "${p#*/}"
done
chart
cp "$work/licences.txt" "$out/LICENCES-THIRD-PARTY.txt"
(cd "$out" && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
