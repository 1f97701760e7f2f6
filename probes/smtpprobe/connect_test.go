package smtpprobe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func TestConnect(t *testing.T) {
	at, _ := serve(t, healthy(nil))
	refused := testPath(at, probes.Connect, mailflow.Opportunistic)
	refused.Settings.Port = 1 // nothing listens there
	if step := probeOne(t, testProber(nil), refused).Steps[probes.Connect]; step.Reason != probes.ReasonConnectRefused {
		t.Errorf("%+v", step)
	}
	strict := New(Options{})
	if step := probeOne(t, strict,
		testPath(at, probes.Connect,
			mailflow.Opportunistic)).Steps[probes.Connect]; step.Reason != probes.ReasonAddressRefused {
		t.Errorf("%+v", step)
	}
}

// The errors of the system that cannot be caused on loopback, also as Windows numbers them.
func TestDialReason(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("127.0.0.1:25"), netip.MustParseAddrPort("[::1]:25")
	for _, tt := range []struct {
		name string
		at   netip.AddrPort
		err  error
		want probes.Reason
	}{
		{"refused", v4, syscall.ECONNREFUSED, probes.ReasonConnectRefused},
		{"refused, Windows", v4, syscall.Errno(10061), probes.ReasonConnectRefused},
		{"reset", v4, syscall.ECONNRESET, probes.ReasonConnectReset},
		{"reset, Windows", v4, syscall.Errno(10054), probes.ReasonConnectReset},
		{"aborted", v4, syscall.ECONNABORTED, probes.ReasonConnectReset},
		{"aborted, Windows", v4, syscall.Errno(10053), probes.ReasonConnectReset},
		{"host unreachable", v4, syscall.EHOSTUNREACH, probes.ReasonConnectUnreachable},
		{"host unreachable, Windows", v4, syscall.Errno(10065), probes.ReasonConnectUnreachable},
		{"network unreachable", v4, syscall.ENETUNREACH, probes.ReasonConnectUnreachable},
		{"network unreachable, Windows", v4, syscall.Errno(10051), probes.ReasonConnectUnreachable},
		{"forbidden by a local firewall", v4, syscall.EPERM, probes.ReasonConnectUnreachable},
		{"timed out", v4, syscall.ETIMEDOUT, probes.ReasonConnectTimeout},
		{"timed out, Windows", v4, syscall.Errno(10060), probes.ReasonConnectTimeout},
		{"no IPv6 here", v6, syscall.ENETUNREACH, probes.ReasonFamilyUnavailable},
		{"no IPv6 here, Windows", v6, syscall.Errno(10051), probes.ReasonFamilyUnavailable},
		{"family not supported", v6, syscall.EAFNOSUPPORT, probes.ReasonFamilyUnavailable},
		{"family not supported, Windows", v6, syscall.Errno(10047), probes.ReasonFamilyUnavailable},
		{"out of descriptors", v4, syscall.EMFILE, probes.ReasonInternalError},
		{"out of descriptors, Windows", v4, syscall.Errno(10024), probes.ReasonInternalError},
		{"out of buffers, Windows", v4, syscall.Errno(10055), probes.ReasonInternalError},
		{"no such source address, Windows", v4, syscall.Errno(10049), probes.ReasonFamilyUnavailable},
	} {
		w := testProber(nil)
		w.guard.allow = append(w.guard.allow, netip.MustParsePrefix("::1/128"))
		w.dial = func(_ context.Context, _ *net.Dialer, network, _ string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", tt.err)}
		}
		if step := probeOne(t, w,
			testPath(tt.at, probes.Connect, mailflow.Opportunistic)).Steps[probes.Connect]; step.Reason != tt.want {
			t.Errorf("%s: %+v, want %s", tt.name, step, tt.want)
		}
	}
}

// TestConnectTimeout: what does not answer is given up when the budget for it ends.
func TestConnectTimeout(t *testing.T) {
	w := testProber(nil)
	w.dial = func(ctx context.Context, _ *net.Dialer, network, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	}
	p := testPath(netip.MustParseAddrPort("127.0.0.1:25"), probes.Connect, mailflow.Opportunistic)
	p.Settings.Timeout = 20 * time.Millisecond
	if step := probeOne(t, w, p).Steps[probes.Connect]; step.Reason != probes.ReasonConnectTimeout {
		t.Errorf("%+v", step)
	}
}

// TestSourceAddress binds to an address that this host does not have.
func TestSourceAddress(t *testing.T) {
	at, _ := serve(t, healthy(nil))
	p := testPath(at, probes.Connect, mailflow.Opportunistic)
	p.Settings.SourceAddress = netip.MustParseAddr("192.0.2.99")
	if step := probeOne(t, testProber(nil), p).Steps[probes.Connect]; step.Reason != probes.ReasonFamilyUnavailable {
		t.Errorf("%+v", step)
	}
}

// A source_address of the other address family is reported, not ignored.
func TestSourceAddressOfTheOtherFamily(t *testing.T) {
	at, _ := serve(t, healthy(nil))
	p := testPath(at, probes.Connect, mailflow.Opportunistic)
	p.Settings.SourceAddress = netip.IPv6Loopback()
	step := probeOne(t, testProber(nil), p).Steps[probes.Connect]
	if step.Reason != probes.ReasonFamilyUnavailable || step.Outcome != probes.Inconclusive ||
		!strings.Contains(step.Detail, "source_address ::1") {
		t.Errorf("%+v", step)
	}
}

type panickingLimiter struct{}

func (panickingLimiter) Acquire(context.Context, string, netip.Addr) (func(bool), error) {
	panic("a bug of ours")
}

type closedLimiter struct{}

func (closedLimiter) Acquire(context.Context, string, netip.Addr) (func(bool), error) {
	return nil, errors.New("stopping")
}

func TestLimiterThatFails(t *testing.T) {
	for want, limiter := range map[probes.Reason]probes.Limiter{
		probes.ReasonInternalError: panickingLimiter{},
		probes.ReasonCanceled:      closedLimiter{},
	} {
		w := testProber(nil)
		w.opts.Limiter = limiter
		p := testPath(netip.MustParseAddrPort("127.0.0.1:25"), probes.Connect, mailflow.Opportunistic)
		if step := probeOne(t, w, p).Steps[probes.Connect]; step.Reason != want || step.Outcome != probes.Inconclusive {
			t.Errorf("%+v, want %s", step, want)
		}
	}
}

func TestNoNameForEHLO(t *testing.T) {
	at, heard := serve(t, healthy(nil))
	p := testPath(at, probes.EHLO, mailflow.Opportunistic)
	p.Settings.HelloName = "two words"
	if step := probeOne(t, testProber(nil), p).Steps[probes.EHLO]; step.Reason != probes.ReasonInternalError {
		t.Errorf("%+v", step)
	}
	for _, line := range heard() {
		if line != "QUIT" {
			t.Errorf("said %q", line)
		}
	}
}
