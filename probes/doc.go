// Package probes is the vocabulary that the two halves of the exporter share: what is probed ([Path]), how far ([Stage]), how
// it ended ([Outcome], [Reason]) and everything that was seen on the way ([Result], [Endpoint], [TLS]).
//
// probes/wire finds out, collector says so, and one value, Result, passes between them. [Plan] turns tenants into paths. The
// package is pure: no I/O, no clock, no metrics.
package probes
