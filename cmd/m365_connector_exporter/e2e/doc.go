// Package e2e runs the built binary against real servers: Postfix and Exim, working and broken, OpenSMTPD, whose
// Debian build fails every TLS handshake, nsd with signed zones, and unbound, which validates them; posttls-finger has
// a second opinion on DANE. It compares /metrics and the output of the commands with the known state of those servers.
// Prometheus and Alertmanager run with the repository's rules; the tests check that alerts are delivered and that
// dashboards have data.
//
// Each test runs in a process with network, mount and process namespaces of its own, so tests share neither ports nor
// addresses nor files at fixed paths, and several run at once. Tests that measure latency run alone, after the others.
//
// All other files of the package have the build tag e2e. The tests need root, because Postfix does. `.ci/run` installs
// the servers. No test is skipped: a server that cannot be started fails the test. All servers listen on 127.0.0.0/8,
// ports above 1024, except the resolver of the DANE lab, because posttls-finger knows port 53 only, and its MTA-STS
// policy hosts.
package e2e
