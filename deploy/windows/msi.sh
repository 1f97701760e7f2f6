#!/usr/bin/env bash
# Builds the Windows installer from a folder with the files that installer.wxs names: deploy/windows/msi.sh VERSION FOLDER FILE.
# Needs wixl, msitools and faketime (Debian packages). Equal files make equal installers: codes depend on the version, and
# times are SOURCE_DATE_EPOCH.
set -euo pipefail
version=${1:?version} file=$(realpath -m "${3:?file}")
source=$(cd "$(dirname "$0")" && pwd)/installer.wxs
cd "${2:?folder}"
find . -exec touch -h -d "@${SOURCE_DATE_EPOCH:?}" {} +

code() { # name
  local hash
  hash=$(printf 'm365_connector_exporter %s %s' "$1" "$version" | sha256sum)
  hash=${hash^^}
  printf '%s-%s-5%s-8%s-%s' "${hash:0:8}" "${hash:8:4}" "${hash:13:3}" "${hash:17:3}" "${hash:20:12}"
}
at_commit() { faketime -f "$(date -u -d "@$SOURCE_DATE_EPOCH" '+%F %T')" env TZ=UTC "$@"; }

# The version of an installer is three numbers: 1.2.3-rc1 becomes 1.2.3.
at_commit wixl --arch x64 -D ProductCode="$(code product)" -D Version="${version%%-*}" -o "$file" "$source"
at_commit msibuild "$file" -q "UPDATE Registry SET Value='#%%SystemRoot%\\System32\\EventCreate.exe' WHERE Name='EventMessageFile'"
# 400 is 64 bit (256), never overwrite (128), permanent (16).
at_commit msibuild "$file" -q "UPDATE Component SET Attributes=400 WHERE Component='Configuration'"
at_commit msibuild "$file" -s 'Prometheus exporter for Microsoft 365 connectors' 'm365_connector_exporter maintainers' 'x64;1033' "{$(code package)}"
