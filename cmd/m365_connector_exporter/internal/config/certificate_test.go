package config_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"software.sslmate.com/src/go-pkcs12"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/mailflow"
)

// issued is a certificate with its key, signed by another.
type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func issue(t *testing.T, cn string, by *issued, names ...string) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, DNSNames: names, NotAfter: time.Now().Add(time.Hour),
		IsCA: len(names) == 0, BasicConstraintsValid: true,
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert, key}
}

func (i *issued) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

func (i *issued) keyPEM(t *testing.T, kind string) []byte {
	t.Helper()
	raw, err := x509.MarshalECPrivateKey(i.key)
	if kind == "PRIVATE KEY" {
		raw, err = x509.MarshalPKCS8PrivateKey(i.key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
}

// TestCertificateShapes reads one chain from every kind of file, in any order.
func TestCertificateShapes(t *testing.T) {
	root := issue(t, "Root", nil)
	mid := issue(t, "Intermediate", root)
	leaf := issue(t, "Mail.Contoso.com", mid, "mail.contoso.com", "host.fabrikam.com.")
	other := issue(t, "other.example", mid, "other.example")
	pfx, err := pkcs12.Modern.Encode(leaf.key, leaf.cert, []*x509.Certificate{root.cert, mid.cert}, "söcret")
	if err != nil {
		t.Fatal(err)
	}
	full := []string{"Mail.Contoso.com", "Intermediate", "Root"}
	tests := []struct {
		name    string
		content []byte
		chain   []string
		hasKey  bool
	}{
		{"PEM", join(leaf.pem(), mid.pem(), root.pem()), full, false},
		{
			"PEM, authorities first, text around", join([]byte("subject=...\r\n"), root.pem(), mid.pem(), leaf.pem()), full,
			false,
		},
		{"PEM with PKCS#8 key", join(leaf.keyPEM(t, "PRIVATE KEY"), mid.pem(), leaf.pem(), root.pem()), full, true},
		{"PEM with SEC 1 key", join(leaf.pem(), mid.pem(), root.pem(), leaf.keyPEM(t, "EC PRIVATE KEY")), full, true},
		{
			"the key chooses", join(other.pem(), leaf.pem(), mid.pem(), leaf.keyPEM(t, "PRIVATE KEY")),
			[]string{"Mail.Contoso.com", "Intermediate", "other.example"},
			true,
		},
		{"twice the same", join(leaf.pem(), leaf.pem()), full[:1], false},
		{"authorities alone", join(root.pem()), []string{"Root"}, false},
		{"DER", leaf.cert.Raw, full[:1], false},
		{"several DER", join(mid.cert.Raw, leaf.cert.Raw), full[:2], false},
		{"UTF-16 PEM", []byte(utf16le(string(leaf.pem()))), full[:1], false},
		{"PKCS#12", pfx, full, true},
	}
	for _, test := range tests {
		dir := t.TempDir()
		file, password := filepath.Join(dir, "c"), ""
		put(t, file, string(test.content), 0o600)
		if test.name == "PKCS#12" {
			password = filepath.Join(dir, "w")
			put(t, password, "\ufeffsöcret\r\n", 0o600)
		}
		m, err := config.ReadCertificate(t.Context(), file, password)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.chain, subjects(t, m.Chain)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if (m.Key != nil) != test.hasKey || m.Source != file {
			t.Errorf("%s: key %t, source %s", test.name, m.Key != nil, m.Source)
		}
	}
}

func subjects(t *testing.T, chain [][]byte) []string {
	t.Helper()
	var names []string
	for _, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, c.Subject.CommonName)
	}
	return names
}

// TestPKCS7 reads what openssl crl2pkcs7 wrote, with the authorities first, as PEM and as DER.
func TestPKCS7(t *testing.T) {
	text, err := os.ReadFile("testdata/certs/chain.p7b")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	for _, content := range [][]byte{text, block.Bytes, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))} {
		m, err := config.ReadCertificate(t.Context(), write(t, "c.p7b", string(content)), "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"Mail.Contoso.com", "Test Intermediate", "Test Root"},
			subjects(t, m.Chain)); diff != "" {
			t.Error(diff)
		}
		want := &mailflow.ClientCertificate{
			CommonName: "mail.contoso.com", DNSNames: []string{"mail.contoso.com", "*.fabrikam.com"}, Source: m.Source,
			Fingerprint: "c0031b0e3aebaa2c756a3b05fd6bbf079c50a9ad08ea1bc81f6958a863950112",
		}
		if diff := cmp.Diff(want, m.Presented()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestReadCertificateSaysWhichFile(t *testing.T) {
	for file, password := range map[string]string{"none": "", "c": "none"} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "c"), "x", 0o600)
		if password != "" {
			password = filepath.Join(dir, password)
		}
		_, err := config.ReadCertificate(t.Context(), filepath.Join(dir, file), password)
		if err == nil || !strings.HasSuffix(err.Error(), "none: no such file or directory") {
			t.Errorf("%s, %s: %v", file, password, err)
		}
	}
}

// TestCertificateReload: a renewed file is noticed and read; one that breaks leaves the certificate as it was.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	main, file := filepath.Join(dir, "main.yaml"), filepath.Join(dir, "c.pem")
	put(t, main, `tenants:
- name: a
  inbound_connectors: [{name: in}]
  senders: [{name: s, connector: in, certificate: {file: c.pem}, trusted_roots: c.pem}]
`, 0o600)
	put(t, file, string(issue(t, "old.example", nil).pem()), 0o600)
	loader := config.NewLoader(main)
	first, err := loader.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := first.Tenants[0].Senders[0].ClientCertificate; got == nil || got.CommonName != "old.example" {
		t.Fatalf("presented %+v", got)
	}
	if first.RootsOf("a", "s") == nil || first.RootsOf("a", "t") != nil {
		t.Error("trusted_roots are not kept")
	}
	put(t, file, string(issue(t, "new.example", nil).pem()), 0o600)
	if !loader.Changed(t.Context()) {
		t.Error("the new certificate is not seen")
	}
	second, err := loader.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := second.Certificate("a", "s"); !ok || m.Leaf.Subject.CommonName != "new.example" {
		t.Errorf("after the renewal: %+v", m)
	}
	put(t, file, "", 0o600)
	third, err := loader.Load(t.Context())
	if err != nil || len(third.Problems()) == 0 {
		t.Fatalf("%v, problems %v", err, third.Problems())
	}
	if m, ok := third.Certificate("a", "s"); !ok || m.Leaf.Subject.CommonName != "new.example" ||
		third.Tenants[0].Senders[0].ClientCertificate == nil {
		t.Errorf("after it broke: %+v", m)
	}
}

// utf16le is text as Windows PowerShell writes it.
func utf16le(text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return string(out)
}
