// Package lab is a small world on loopback, for the command demo and for tests. It imports nothing of this module, so
// that it can contradict what the exporter finds.
//
// What it contains:
//
//   - [CA], a certificate authority with a root and an intermediate that issues;
//   - [DNS], an authoritative name server for a zone, with names that fail;
//   - [Mail], a correct mail server with STARTTLS, built on go-smtp;
//   - [Scripted], a mail server that replies what a script says, for what a correct one would never do;
//   - [FakeExchangeOnline], a mail server that attributes messages to tenants as Exchange Online does, and that stamps
//     and relays them if it has [RelayOptions];
//   - [World], which puts them together: five tenants with their connectors and servers, healthy and broken, a
//     configuration that watches them, and what a watcher must find ([Expectation]).
package lab
