package wire

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"m365_connector_exporter/probes"
)

func (c *climb) connect() probes.Step {
	addr := c.ep.Addr.Addr()
	if !c.w.resolver.allowed(addr, c.path, c.path.Kind != probes.HopSmartHost) {
		return c.fail(probes.ReasonAddressRefused, addr.String()+" is not in allow_networks")
	}
	ctx, cancel := context.WithDeadline(c.ctx, c.commandEnd())
	defer cancel()
	// One address, one family: happy eyeballs would blur which address answered.
	d := net.Dialer{FallbackDelay: -1}
	if src := c.path.Settings.SourceAddress; src.IsValid() && src.Unmap().Is4() == addr.Unmap().Is4() {
		d.LocalAddr = &net.TCPAddr{IP: src.AsSlice(), Zone: src.Zone()}
	}
	network := "tcp6"
	if addr.Unmap().Is4() {
		network = "tcp4"
	}
	conn, err := d.DialContext(ctx, network, c.ep.Addr.String())
	if err != nil {
		return c.fail(dialReason(err, network == "tcp6"), err.Error())
	}
	c.raw, c.conn, c.in = conn, conn, newReplyReader(conn)
	c.stop = context.AfterFunc(c.ctx, func() { _ = conn.Close() })
	c.log.add(probes.Note, "connected to "+c.ep.Addr.String())
	return passed("")
}

// dialReason tells failures of a dial apart by type, never by words.
func dialReason(err error, six bool) probes.Reason {
	var ne net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return probes.ReasonCanceled
	case errors.Is(err, syscall.ECONNREFUSED):
		return probes.ReasonConnectRefused
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		return probes.ReasonFamilyUnavailable
	case errors.Is(err, syscall.ENETUNREACH) && six:
		// Without a default route for IPv6 the kernel answers at once; the far network is not to blame.
		return probes.ReasonFamilyUnavailable
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNABORTED):
		return probes.ReasonConnectReset
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return probes.ReasonConnectTimeout
	default:
		return probes.ReasonConnectUnreachable
	}
}
