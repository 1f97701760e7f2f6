#!/bin/sh
# At a removal ("remove", for rpm 0) configuration and state remain. "purge" (deb) deletes the state; dpkg itself deletes
# config.yaml, and keeps exports, certificates and tenants that an administrator put beside it. The state of a service
# with a dynamic user is in /var/lib/private.
set -e
if [ -d "$DPKG_ROOT/run/systemd/system" ]; then
  systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
  for state in m365_connector_exporter m365_connector_exports; do
    rm -rf "$DPKG_ROOT/var/lib/private/$state" "$DPKG_ROOT/var/lib/$state"
  done
fi
