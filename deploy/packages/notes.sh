#!/usr/bin/env bash
# Prints the notes of a release, the section of its version in CHANGELOG.md: deploy/packages/notes.sh VERSION [CHANGELOG]. A
# pre-release such as 1.2.3-rc1 may have the section of 1.2.3 or "Unreleased".
set -euo pipefail
version=${1:?version} changelog=${2:-$(dirname "$0")/../../CHANGELOG.md}
section() { # title
  awk -v title="$1" '/^## / { inside = ($2 == title); next } inside' "$changelog" | sed -e '/./,$!d'
}
notes=$(section "$version")
if [[ -z $notes && $version == *-* ]]; then
  notes=$(section "${version%%-*}")
  [[ -n $notes ]] || notes=$(section Unreleased)
fi
[[ -n $notes ]] || { echo "$changelog has no section \"## $version\"" >&2; exit 1; }
printf '%s\n' "$notes"
