#!/bin/sh
# Does not start a new service, which has no tenants yet. Restarts a running one.
set -e
[ -d "$DPKG_ROOT/run/systemd/system" ] || exit 0
systemctl daemon-reload
systemctl try-restart m365_connector_exporter.service || true
