// Package e2e runs the built binary against real servers: Postfix and Exim, working and broken, OpenSMTPD, whose
// Debian build fails every TLS handshake, nsd with signed zones, and unbound, which validates them. It compares
// /metrics and the output of the commands with the known state of those servers. With Prometheus and Alertmanager,
// and the repository's rules, it shows that alerts are delivered and dashboards have data.
//
// Everything else in the package has the build tag e2e and needs root, because Postfix does. `.ci/run` installs the
// servers. Nothing is skipped: a server that cannot be started fails the tests. All servers listen on 127.0.0.0/8,
// ports above 1024.
package e2e
