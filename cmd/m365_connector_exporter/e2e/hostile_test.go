//go:build e2e

package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// evil is the text that the hostile server sends in every reply: active markup, terminal escapes, a text direction
// override and invalid UTF-8. evilText is its valid part, for certificates.
const (
	evilText = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'">` +
		"\x1b]0;owned\x07\u202e"
	evil   = evilText + "\xff\xfe"
	evilCA = "<b>The CA</b>\x1b]0;owned\x07"
)

// startHostile starts an SMTP server that sends hostile text in every reply.
func startHostile(t testing.TB) (port int) {
	t.Helper()
	issuer, issuerKey := hostileCertificate(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: evilCA}, IsCA: true,
		BasicConstraintsValid: true,
	}, nil, nil)
	leaf, key := hostileCertificate(t, &x509.Certificate{
		Subject:  pkix.Name{CommonName: evilText[:60], Organization: []string{evilText}},
		DNSNames: []string{"<b>evil</b>.example"},
	}, issuer, issuerKey)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	config := &tls.Config{Certificates: []tls.Certificate{{
		Certificate: [][]byte{leaf.Raw, issuer.Raw},
		PrivateKey:  key,
	}}, MinVersion: tls.VersionTLS12}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go talkHostile(conn, config)
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// hostileCertificate signs a certificate. Without an issuer it is self-signed.
func hostileCertificate(t testing.TB, template, issuer *x509.Certificate,
	issuerKey *ecdsa.PrivateKey,
) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if issuer == nil {
		issuer, issuerKey = template, key
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour),
		time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

func talkHostile(conn net.Conn, config *tls.Config) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = fmt.Fprintf(conn, "220-%s\r\n220 %s\r\n", evil, evil)
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " -")[0]); verb {
		case "EHLO":
			_, _ = fmt.Fprintf(conn, "250-%s\r\n250-STARTTLS\r\n250 X%s\r\n", evil, evil)
		case "STARTTLS":
			_, _ = io.WriteString(conn, "220 "+evil+"\r\n")
			encrypted := tls.Server(conn, config)
			conn, lines = encrypted, bufio.NewReader(encrypted)
		case "RCPT":
			_, _ = fmt.Fprintf(conn, "550 5.1.1 <anna.secret@contoso.test> %s\r\n", evil)
		case "QUIT":
			_, _ = fmt.Fprintf(conn, "221 %s\r\n", evil)
			return
		default:
			_, _ = fmt.Fprintf(conn, "250 %s\r\n", evil)
		}
	}
}
