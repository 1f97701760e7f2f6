// Package calendar lists the dates that are known in advance on which mail flow of a tenant changes or stops: when
// authorities shorten lifetimes or drop the usage clientAuth, when Exchange Online throttles and blocks an outdated
// server, when a pause ends.
//
// The dates are a table of this package, [Table], with the document of each. A date concerns a tenant only if something
// of it is affected: a certificate of an issuer, with a lifetime or a usage, or a server in Get-OnPremServerReportInfo.
// Deadlines returns one entry for each tenant, connector and advisory: the earliest.
//
// A date that only third parties have published, or that documents contradict, is marked uncertain.
//
// The package is pure: no I/O, no clock. To add a date: one entry of the table with its rule, and a case in its test.
package calendar
