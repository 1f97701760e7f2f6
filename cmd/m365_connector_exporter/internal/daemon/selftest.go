package daemon

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/smtpprobe"
)

// selfTestInterval is how often the self-test runs. It needs what every probe needs: file descriptors, the clock,
// cryptography, goroutines.
const selfTestInterval = time.Minute

// selfTestName does not exist in DNS (RFC 6761, section 6.4).
const selfTestName = "selftest.invalid"

// selfTest is a working mail server on loopback, inside this process, and a prober for it. While it fails, the
// exporter is broken, and its results mean nothing.
type selfTest struct {
	server   *smtp.Server
	listener net.Listener
	prober   *smtpprobe.Prober
	path     probes.Path
	log      *slog.Logger
	outcome  atomic.Int32 // a probes.Outcome
}

func newSelfTest(log *slog.Logger) (*selfTest, error) {
	certificate, roots, err := selfTestCertificate()
	if err != nil {
		return nil, fmt.Errorf("self-test: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		return nil, fmt.Errorf("self-test: %w", err)
	}
	address := listener.Addr().(*net.TCPAddr).AddrPort() // it listens on TCP
	t := &selfTest{
		server: selfTestServer(certificate), listener: netutil.LimitListener(listener, 4), log: log,
		prober: smtpprobe.New(smtpprobe.Options{
			Roots: roots, AllowNetworks: []netip.Prefix{netip.PrefixFrom(address.Addr(), 32)}, Now: time.Now,
		}),
		path: probes.Path{
			ID: probes.PathID{Tenant: "self-test"}, NextHop: selfTestName, ConnectorType: mailflow.OnPremises,
			TLSSettings: mailflow.CertificateValidation, Recipients: []string{"probe@" + selfTestName},
			Settings: probes.Settings{
				Until: probes.Recipient, Port: address.Port(), HelloName: selfTestName, Timeout: 20 * time.Second,
				Protocol: probes.IPAny, ConnectTo: []netip.Addr{address.Addr()},
			},
		},
	}
	return t, nil
}

// result reports whether the latest self-test passed; known is false before the first one.
func (t *selfTest) result() (passed, known bool) {
	o := probes.Outcome(t.outcome.Load()) //nolint:gosec // stored from an Outcome
	return o == probes.Passed, o != probes.NotReached
}

// run serves and probes until ctx ends.
func (t *selfTest) run(ctx context.Context) {
	served := make(chan struct{})
	go func() { _ = t.server.Serve(t.listener); close(served) }()
	tick := time.NewTicker(selfTestInterval)
	defer tick.Stop()
	for {
		t.probe(ctx)
		select {
		case <-ctx.Done():
			_ = t.listener.Close()
			<-served
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := t.server.Shutdown(end); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
				t.log.Debug("self-test server", slog.Any("err", err))
			}
			return
		case <-tick.C:
		}
	}
}

func (t *selfTest) probe(ctx context.Context) {
	r := t.prober.Probe(ctx, &t.path)
	if ctx.Err() != nil {
		return
	}
	outcome := r.Outcome()
	if outcome != probes.Passed {
		outcome = probes.Failed // on loopback, inconclusive is a failure too
		e, stage, step, _ := r.Failure()
		t.log.Error("the self-test failed: the exporter is broken, its results are not reliable",
			slog.String("stage", stage.String()), slog.String("reason", string(step.Reason)),
			slog.String("detail", step.Detail), slog.String("address", e.Addr.String()))
	}
	t.outcome.Store(int32(outcome))
}

// selfTestServer accepts every sender and recipient and no message.
func selfTestServer(certificate tls.Certificate) *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return acceptingSession{}, nil }))
	s.Domain, s.ErrorLog = selfTestName, log.New(io.Discard, "", 0)
	s.ReadTimeout, s.WriteTimeout = 30*time.Second, 30*time.Second
	s.MaxRecipients, s.MaxMessageBytes, s.MaxLineLength = 1, 1, 2000
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
	return s
}

type acceptingSession struct{}

var errNoMail = errors.New("this server accepts no messages")

func (acceptingSession) Mail(string, *smtp.MailOptions) error { return nil }
func (acceptingSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (acceptingSession) Data(io.Reader) error                 { return errNoMail }
func (acceptingSession) Reset()                               {}
func (acceptingSession) Logout() error                        { return nil }

// selfTestCertificate is valid at any time: a host may start before its clock is set.
func selfTestCertificate() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: selfTestName}, DNSNames: []string{selfTestName},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots, nil
}
