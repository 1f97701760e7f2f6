// Package schedule decides when each path is probed, and limits how.
//
// How a round is planned ([Runner]):
//
//  1. Each path has a time for its next round, one interval after the last one. First rounds are spread over the
//     beginning of the interval, and later ones over more of it, always in the same way for the same path.
//  2. When the time has come, a goroutine probes the path. A path at rest costs no goroutine. The rounds of one
//     path never overlap; one that takes longer than the interval skips the next.
//  3. A first failure is provisional. It is repeated after half the interval, at most 30 seconds, and only that
//     round counts. A refused test message counts at once, because it cannot be repeated.
//  4. [Runner.RunNow] probes a path on request, for /probe. It joins a probe that is running, and it returns a
//     result that is younger than ten seconds again.
//
// How it is limited ([Limiter]): so many connections in total, so many to one address, and a gap between two to one
// address. A server that asks for fewer connections (421, RFC 5321, section 3.8) is left alone for a while. No
// tenant can starve another: the one with the fewest open connections comes first, and at each address tenants take
// turns.
//
// Whether a result counts: while no path at all can connect, the network of this host is the likely cause, and
// failures to connect are inconclusive. Whether a test message is sent: [MessageBudget] keeps those of one path at
// least an interval apart, over restarts too.
//
// The package knows paths and results, and nothing of SMTP.
package schedule
