package smtpprobe

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// rsaServer shows a self-signed certificate with a new RSA key of the given length.
func rsaServer(t *testing.T, bits int, version uint16) *tls.Config {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return rsaKeyServer(t, key, version)
}

// largeRSAServer shows one with a key of 8448 bits, which takes minutes to generate: it is in testdata.
func largeRSAServer(t *testing.T, version uint16) *tls.Config {
	t.Helper()
	text, err := os.ReadFile("testdata/rsa8448.pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return rsaKeyServer(t, key, version)
}

func rsaKeyServer(t *testing.T, key *rsa.PrivateKey, version uint16) *tls.Config {
	t.Helper()
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mail.test"}, Subject: pkix.Name{CommonName: "mail.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return serverConfig(version, key, der)
}

func serverConfig(version uint16, key crypto.PrivateKey, chain ...[]byte) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: chain, PrivateKey: key}}, MinVersion: tls.VersionTLS10,
		MaxVersion: version,
	}
}

// withSerial is the certificate with another serial number of one byte. Its signature is invalid: crypto/tls does
// not verify it.
func withSerial(t *testing.T, serial byte) *tls.Config {
	t.Helper()
	leaf := certtest.IssueSerial(t, big.NewInt(5), x509.Certificate{DNSNames: []string{"mail.test"}})
	der := bytes.Replace(leaf.Cert.Raw, []byte{2, 1, 5}, []byte{2, 1, serial}, 1)
	return serverConfig(tls.VersionTLS13, leaf.Key, der)
}

// What Go's libraries refuse by default is not the fault of a server; the verdicts name what is weak.
func TestLibraryLimits(t *testing.T) {
	sha1 := rsaServer(t, 2048, tls.VersionTLS12)
	sha1.Certificates[0].SupportedSignatureAlgorithms = []tls.SignatureScheme{tls.PKCS1WithSHA1}
	for _, tt := range []struct {
		name   string
		server *tls.Config
		reason probes.Reason
		weak   bool // the key
	}{
		{"negative serial number", withSerial(t, 0xfb), "", false},
		{"serial number 0", withSerial(t, 0), "", false},
		{"RSA 512", rsaServer(t, 512, tls.VersionTLS12), "", true},
		{"RSA 1023", rsaServer(t, 1023, tls.VersionTLS13), "", true},
		{"RSA 8448", largeRSAServer(t, tls.VersionTLS13), "", false},
		{"signatures with SHA-1 only", sha1, "", false},
		{"TLS 1.1", rsaServer(t, 2048, tls.VersionTLS11), probes.ReasonTLSVersion, false},
		{"TLS 1.0", rsaServer(t, 2048, tls.VersionTLS10), probes.ReasonTLSVersion, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, _ := serve(t, healthy(tt.server))
			p := testPath(at, probes.TLSStage, mailflow.EncryptionOnly)
			p.Settings.Timeout = 20 * time.Second
			e := probeOne(t, testProber(nil), p)
			if step := e.Steps[probes.TLSStage]; step.Reason != tt.reason {
				t.Fatalf("%+v", step)
			}
			if key := e.TLS.Verdicts[probes.VerdictKey]; (key.Outcome == probes.Failed) != tt.weak || len(e.TLS.Chain) != 1 {
				t.Errorf("%+v", e.TLS)
			}
		})
	}
}

// A server that requires a client certificate refuses a TLS 1.3 session only after the handshake, with an alert that
// races with our EHLO.
func TestRequiredClientCertificateIsAlwaysRecognised(t *testing.T) {
	ca := certtest.New(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)
		cfg.ClientAuth, cfg.MaxVersion = tls.RequireAnyClientCert, version
		at, _ := serve(t, healthy(cfg))
		for range 40 {
			e := probeOne(t, testProber(ca.Roots), testPath(at, probes.TLSStage, mailflow.EncryptionOnly))
			if step := e.Steps[probes.TLSStage]; step.Reason != probes.ReasonClientCertificateRequired {
				t.Fatalf("%s: %+v", tls.VersionName(version), step)
			}
			if len(e.TLS.Chain) != 2 || e.TLS.Verdicts[probes.VerdictTrust].Outcome != probes.Passed {
				t.Fatalf("%s: the certificate was shown, but is not recorded: %+v", tls.VersionName(version), e.TLS)
			}
		}
	}
}

// brokenAfter fails to write from the nth write after STARTTLS on: the server has closed the connection.
type brokenAfter struct {
	net.Conn
	writes int // after STARTTLS; negative before it
	broken int
}

func (c *brokenAfter) Write(b []byte) (int, error) {
	if c.writes++; c.writes >= c.broken {
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
	}
	if string(b) == "STARTTLS\r\n" {
		c.writes = 0
	}
	return c.Conn.Write(b)
}

// The alert wins the race: the server has closed the connection before EHLO is written.
func TestAlertIsReadAfterAFailedWrite(t *testing.T) {
	ca := certtest.New(t)
	cfg := certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter)
	cfg.ClientAuth = tls.RequireAnyClientCert
	at, _ := serve(t, healthy(cfg))
	w := testProber(ca.Roots)
	w.dial = func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		return &brokenAfter{conn, -1000, 3}, err // ClientHello, the client's flight, EHLO
	}
	step := probeOne(t, w, testPath(at, probes.TLSStage, mailflow.EncryptionOnly)).Steps[probes.TLSStage]
	if step.Reason != probes.ReasonClientCertificateRequired {
		t.Errorf("%+v", step)
	}
}
