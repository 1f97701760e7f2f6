package smtpprobe

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"m365_connector_exporter/probes/certificate/certtest"
)

// peerProcess is the environment variable that makes the test binary a mail server: only in a process of its own does
// its CPU time stay out of the client's.
const peerProcess = "SMTPPROBE_TEST_PEER"

// What a peer may be.
const (
	peerHealthy   = "healthy"
	peerSilent    = "silent"          // sends nothing
	peerSilentTLS = "silent over TLS" // sends nothing after the handshake
	peerSilentIn  = "silent in the handshake"
)

// servePeer says where it listens and what its root is, then a line for each connection that it holds in silence, and
// serves until its standard input ends.
func servePeer(mode string) {
	hold := func(conn io.Reader) {
		fmt.Println("held")
		_, _ = io.Copy(io.Discard, conn)
	}
	ca := certtest.New(failing{})
	cfg := certtest.ServerConfig(ca.Leaf(failing{}, "mail.test"), ca.Inter)
	s := healthy(cfg)
	switch mode {
	case peerSilentTLS:
		s.hold = hold
	case peerSilentIn:
		cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			hold(hello.Conn)
			return nil, io.EOF
		}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				if mode == peerSilent {
					hold(conn)
					return
				}
				s.talk(conn, nil)
			}()
		}
	}()
	fmt.Println(l.Addr(), base64.StdEncoding.EncodeToString(ca.Root.Cert.Raw))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// failing is a test for helpers that run outside one.
type failing struct{ testing.TB }

func (failing) Helper()           {}
func (failing) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func startPeer(b *testing.B, mode string) (at netip.AddrPort, roots *x509.CertPool, lines *bufio.Reader) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), peerProcess+"="+mode)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	lines = bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	where, root, _ := strings.Cut(strings.TrimSpace(line), " ")
	der, _ := base64.StdEncoding.DecodeString(root)
	cert, bad := x509.ParseCertificate(der)
	if err != nil || bad != nil {
		b.Fatal(line, err, bad)
	}
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return netip.MustParseAddrPort(where), roots, lines
}
