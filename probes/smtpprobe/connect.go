package smtpprobe

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/internal/sockerr"
)

// connect dials the endpoint's address, without the fallback to the other address family ("happy eyeballs"), which
// would hide a failure. The connection gets its deadline here, once, and is closed when the context ends.
func (s *session) connect() *probes.Step {
	addr := s.endpoint.Addr.Addr()
	if !s.prober.guard.permitsPath(addr, s.path) {
		return s.fail(probes.ReasonAddressRefused, addr.String()+" is not in allow_networks")
	}
	d := net.Dialer{FallbackDelay: -1, KeepAlive: -1}
	if src := s.path.Settings.SourceAddress; src.IsValid() {
		if src.Unmap().Is4() != addr.Unmap().Is4() {
			return s.fail(probes.ReasonFamilyUnavailable,
				"source_address "+src.String()+" is of the other address family: set ip_protocol to its family")
		}
		d.LocalAddr = &net.TCPAddr{IP: src.AsSlice(), Zone: src.Zone()}
	}
	network := "tcp6"
	if addr.Unmap().Is4() {
		network = "tcp4"
	}
	ctx, cancel := context.WithDeadline(s.ctx, s.commandDeadline())
	defer cancel()
	conn, err := s.prober.dial(ctx, &d, network, s.endpoint.Addr.String())
	if err != nil {
		return s.fail(dialReason(err, network == "tcp6"), err.Error())
	}
	_ = conn.SetDeadline(s.commandDeadline())
	s.raw, s.conn, s.replies = conn, conn, newReplyReader(conn)
	s.stopWatching = context.AfterFunc(s.ctx, func() { _ = conn.Close() })
	s.transcript.add(probes.OriginProber, "connected to "+s.endpoint.Addr.String())
	return nil
}

// dialReason classifies a failed dial by error types and numbers only.
func dialReason(err error, ipv6 bool) probes.Reason {
	var netErr net.Error
	switch code := sockerr.Code(err); {
	case errors.Is(err, context.Canceled):
		return probes.ReasonCanceled
	case sockerr.Exhausted(err):
		return probes.ReasonInternalError
	case code == syscall.ECONNREFUSED:
		return probes.ReasonConnectRefused
	case code == syscall.EADDRNOTAVAIL, code == syscall.EAFNOSUPPORT:
		return probes.ReasonFamilyUnavailable
	case code == syscall.ENETUNREACH && ipv6:
		// Without a default route for IPv6 the kernel answers at once: this host lacks the family.
		return probes.ReasonFamilyUnavailable
	case code == syscall.ECONNRESET, code == syscall.ECONNABORTED:
		return probes.ReasonConnectReset
	case code == syscall.ETIMEDOUT, errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return probes.ReasonConnectTimeout
	default:
		return probes.ReasonConnectUnreachable
	}
}
