// Package collector says what the probes found out. [Store] keeps the newest result, the steady verdict and the certificate
// facts of every path, and the series drawn of them; [Gatherer] puts the series of the store and of other sources on one page at
// scrape time, without touching the network.
//
// Two kinds of series come of it (contract, section 5): the steady ones keep their verdict while nothing is proven anew, and are
// what to alert on; the others show the newest round.
package collector
