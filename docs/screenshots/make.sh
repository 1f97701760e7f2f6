#!/bin/sh
# Makes the pictures of README.md from `demo`: validate.svg from the output of `validate`, and status.png from the status
# page with Chromium. `make.sh validate` makes the first one only. Needs Go, curl and, for the status page, chromium.
set -eu
cd "$(dirname "$0")"
path='tailspin/Key%20unreadable'
address=127.0.0.1:10588

work=$(mktemp -d)
go build -o "$work/m365_connector_exporter" ../../cmd/m365_connector_exporter
TMPDIR=$work "$work/m365_connector_exporter" demo --web.listen-address="$address" >"$work/out" 2>"$work/log" &
demo=$!
trap 'kill "$demo"; wait "$demo" || true; rm -rf "$work"' EXIT

tries=0
until curl -sf "http://$address/metrics" | grep -q '^m365_connector_exporter_first_round_complete 1'; do
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || { cat "$work/log" >&2; exit 1; }
  sleep 1
done

# One <text> element per line of output: a test compares them with what `validate` prints.
"$work/m365_connector_exporter" validate --config.file="$(echo "$work"/m365-demo-*/config.yaml)" "$path" >"$work/validate" || true
{
  echo "\$ m365_connector_exporter validate '$path'"
  sed '/^$/,$d' "$work/validate"
} | awk '
  {
    if (length($0) > longest) longest = length($0)
    gsub(/&/, "\\&amp;"); gsub(/</, "\\&lt;"); gsub(/>/, "\\&gt;")
    gsub(/Failed/, "<tspan fill=\"#ff7b72\">Failed</tspan>")
    gsub(/Succeeded/, "<tspan fill=\"#7ee787\">Succeeded</tspan>")
    line[NR] = $0
  }
  END {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\"", 8.5 * longest + 32, 20 * NR + 30
    print " font-family=\"monospace\" font-size=\"14\" fill=\"#e6edf3\">"
    print "<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#161b22\"/>"
    for (i = 1; i <= NR; i++) printf "<text x=\"16\" y=\"%d\" xml:space=\"preserve\">%s</text>\n", 20 * i + 12, line[i]
    print "</svg>"
  }' >validate.svg

[ "${1:-}" != validate ] || exit 0
sleep 12 # the findings of the first round follow it within ten seconds
chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking --hide-scrollbars \
  --user-data-dir="$work/chromium" --window-size=1120,800 --screenshot="$PWD/status.png" \
  "http://$address/" 2>"$work/chromium.log" || { cat "$work/chromium.log" >&2; exit 1; }
