package wire

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/internal/sockerr"
)

func (c *climb) connect() *probes.Step {
	addr := c.ep.Addr.Addr()
	if !c.w.resolver.allowed(addr, c.path, c.path.Kind != probes.NextHopSmartHost) {
		return c.fail(probes.ReasonAddressRefused, addr.String()+" is not in allow_networks")
	}
	ctx, cancel := context.WithDeadline(c.ctx, c.commandEnd())
	defer cancel()
	// One address, one family: happy eyeballs would blur which address answered. Deadlines watch the connection, not keep-alives.
	d := net.Dialer{FallbackDelay: -1, KeepAlive: -1}
	if src := c.path.Settings.SourceAddress; src.IsValid() {
		if src.Unmap().Is4() != addr.Unmap().Is4() {
			return c.fail(probes.ReasonFamilyUnavailable, "source_address "+src.String()+" is of the other family: set ip_protocol to its own")
		}
		d.LocalAddr = &net.TCPAddr{IP: src.AsSlice(), Zone: src.Zone()}
	}
	network := "tcp6"
	if addr.Unmap().Is4() {
		network = "tcp4"
	}
	conn, err := c.w.dial(ctx, &d, network, c.ep.Addr.String())
	if err != nil {
		return c.fail(dialReason(err, network == "tcp6"), err.Error())
	}
	_ = conn.SetDeadline(c.commandEnd())
	c.raw, c.conn, c.in = conn, conn, newReplyReader(conn)
	c.stop = context.AfterFunc(c.ctx, func() { _ = conn.Close() })
	c.log.add(probes.OriginProber, "connected to "+c.ep.Addr.String())
	return nil
}

// dialReason tells failures of a dial apart by type, never by words.
func dialReason(err error, six bool) probes.Reason {
	var ne net.Error
	switch code := sockerr.Code(err); {
	case errors.Is(err, context.Canceled):
		return probes.ReasonCanceled
	case sockerr.Exhausted(err):
		return probes.ReasonInternalError
	case code == syscall.ECONNREFUSED:
		return probes.ReasonConnectRefused
	case code == syscall.EADDRNOTAVAIL, code == syscall.EAFNOSUPPORT:
		return probes.ReasonFamilyUnavailable
	case code == syscall.ENETUNREACH && six:
		// Without a default route for IPv6 the kernel answers at once; the far network is not to blame.
		return probes.ReasonFamilyUnavailable
	case code == syscall.ECONNRESET, code == syscall.ECONNABORTED:
		return probes.ReasonConnectReset
	case code == syscall.ETIMEDOUT, errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return probes.ReasonConnectTimeout
	default:
		return probes.ReasonConnectUnreachable
	}
}
