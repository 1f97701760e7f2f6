#!/bin/sh
# The argument is "remove" (deb) or 0 (rpm). At an upgrade ("upgrade", 1) the service keeps running.
set -e
case "$1" in
  remove | 0)
    [ -d "$DPKG_ROOT/run/systemd/system" ] || exit 0
    systemctl disable --now m365_connector_exporter.service m365_connector_fetch.timer || true
    ;;
esac
