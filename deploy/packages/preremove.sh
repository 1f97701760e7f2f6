#!/bin/sh
# deb says "remove", rpm says 0; at an upgrade (deb "upgrade", rpm 1) the service keeps running.
set -e
case "$1" in
  remove | 0)
    [ -d /run/systemd/system ] || exit 0
    systemctl disable --now m365_connector_exporter.service || true
    ;;
esac
