package probes

import (
	"context"
	"net/netip"
)

// Prober probes all endpoints of a path once. Failures are part of the Result, which is never nil. Implementations must
// not change the path, must respect ctx and must be safe for concurrent use.
type Prober interface {
	Probe(ctx context.Context, p *Path) *Result
}

// ProberFunc is a function as a Prober.
type ProberFunc func(ctx context.Context, p *Path) *Result

// Probe calls f.
func (f ProberFunc) Probe(ctx context.Context, p *Path) *Result { return f(ctx, p) }

var _ Prober = ProberFunc(nil)

// Limiter limits connections to mail servers: how many are open at the same time, in total and to one address, and how
// much time passes between two connections to one address. All probes use it, scheduled or on request.
//
// Acquire waits until a connection to addr may be opened, and returns the error of ctx if that ends first. tenant is
// the tenant whose path is probed; a limiter shares the connections fairly between tenants. On success the caller must
// call release exactly once, after it has closed the connection; throttled reports that the server replied 421 or
// refused for too many connections, so that the limiter backs off from that address. Implementations must be safe for
// concurrent use.
type Limiter interface {
	Acquire(ctx context.Context, tenant string, addr netip.Addr) (release func(throttled bool), err error)
}

// Unlimited is a Limiter without limits.
type Unlimited struct{}

// Acquire returns at once.
func (Unlimited) Acquire(ctx context.Context, _ string, _ netip.Addr) (func(bool), error) {
	return func(bool) {}, ctx.Err()
}

var _ Limiter = Unlimited{}
