// Package e2e runs the built binary against real servers: Postfix and Exim, healthy and sick, OpenSMTPD, whose
// Debian build fails every TLS handshake, nsd with signed zones and unbound that validates them. What the binary
// says on /metrics and on the terminal is compared with what is known to be true of those servers. Prometheus and
// Alertmanager, with the repository's rules, show that the alerts reach people and the dashboards have data.
//
// Everything else in the package carries the build tag e2e and needs root, for Postfix does. `.ci/run` installs the
// servers. Nothing is skipped: a server that cannot be started fails the tests. All servers listen on 127.0.0.0/8,
// ports above 1024.
package e2e
