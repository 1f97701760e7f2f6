package probes

import (
	"context"
	"net/netip"
)

// Gate admits connections to addresses: so many at once over all, so many at once per address, and so far apart. It is
// what keeps the exporter polite, whoever asks for a probe.
//
// Enter waits for admission and returns the context's error when ctx ends first. On success leave must be called exactly once;
// throttled tells the gate that the server asked for fewer connections (421), so that it backs off from that address.
// Implementations must be safe for concurrent use.
type Gate interface {
	Enter(ctx context.Context, addr netip.Addr) (leave func(throttled bool), err error)
}

// OpenGate admits everybody at once.
type OpenGate struct{}

// Enter admits.
func (OpenGate) Enter(ctx context.Context, _ netip.Addr) (func(bool), error) {
	return func(bool) {}, ctx.Err()
}

var _ Gate = OpenGate{}
