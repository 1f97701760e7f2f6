// Package wire finds out: it is the only package that touches the network. A [Prober] climbs, for every address of a path's next
// hop, from TCP over EHLO and STARTTLS to the envelope and, where asked to, a test message, and leaves with QUIT.
//
// The wire records and never judges what it means for a tenant. What it reads was written by strangers: each line, reply, wait
// and list is bounded, and a peer's words are kept as sanitised data.
package wire
