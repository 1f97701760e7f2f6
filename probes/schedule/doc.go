// Package schedule decides when each path is probed, and limits the connections that probes open.
//
// A [Runner] plans the rounds:
//
//  1. The next round of a path is due one interval after the last one. The first rounds are spread over the beginning
//     of the interval, later ones over a longer part of it. The same path always gets the same time.
//  2. When a round is due, a goroutine probes the path. Between rounds a path needs no goroutine. The rounds of one
//     path never overlap: a round that takes longer than the interval skips the next one.
//  3. A first failure is provisional. The path is probed again after half the interval, at most 30 seconds, and only
//     that second round counts. A refused test message counts at once, because it cannot be repeated.
//  4. [Runner.RunNow] probes a path on request, for /probe. It joins a probe that is running, and repeats a result that
//     is less than ten seconds old.
//
// A [Limiter] bounds the open connections in total and to each address, and keeps a gap between two connections to one
// address. A server that replies 421 (RFC 5321, section 3.8) gets no connection for a while. No tenant can starve
// another: the tenant with the fewest open connections comes first, and at each address the tenants take turns.
//
// While no path can connect at all, the network of this host is the likely cause, and failures to connect are
// inconclusive. A [MessageBudget] keeps the test messages of a path at least one interval apart, even across restarts.
//
// The package knows paths and results, but not SMTP.
package schedule
