// Package lab runs DNS servers, mail servers and a fake Exchange Online on loopback, for the demo command and for
// tests. It imports no other package of this module, so that tests compare two independent implementations.
//
// What it contains:
//
//   - [CA], a certificate authority with a root and an intermediate that issues certificates;
//   - [DNS], an authoritative name server for a zone, in which some names fail;
//   - [Mail], a correct mail server with STARTTLS, built on go-smtp;
//   - [Scripted], a mail server that follows a script, for behaviour that a correct server never shows;
//   - [FakeExchangeOnline], a mail server that attributes messages to tenants as Exchange Online does and, with
//     [RelayOptions], adds its header fields and relays them;
//   - [World], which combines these: five tenants with their connectors and servers, healthy and broken, a
//     configuration to monitor them, and the results that a monitor must report ([Expectation]).
package lab
