package config_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// pair is a self-signed certificate as PEM, its key as PEM, and both as PKCS#12 under the password "secret".
func pair(t testing.TB) (cert, key, pfx, der []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "edge-1"},
		NotAfter: time.Now().Add(time.Hour),
	}
	if der, err = x509.CreateCertificate(rand.Reader, template, template, private.Public(), private); err != nil {
		t.Fatal(err)
	}
	parsed, _ := x509.ParseCertificate(der)
	if pfx, err = pkcs12.Modern.Encode(private, parsed, nil, "secret"); err != nil {
		t.Fatal(err)
	}
	raw, _ := x509.MarshalPKCS8PrivateKey(private)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), pfx, der
}

func TestCertificateFiles(t *testing.T) {
	cert, key, pfx, der := pair(t)
	_, otherKey, _, _ := pair(t)
	tests := []struct {
		name, source string
		files        map[string][]byte
		mode         os.FileMode
		want         string // end of the only problem; "" for none
	}{
		{"PEM", "file: c", map[string][]byte{"c": cert}, 0o644, ""},
		{"DER", "file: c", map[string][]byte{"c": der}, 0o644, ""},
		{"PEM with key", "file: c", map[string][]byte{"c": join(cert, key)}, 0o600, ""},
		{"group may read", "file: c", map[string][]byte{"c": join(cert, key)}, 0o640, ""},
		{
			"others may read", "file: c",
			map[string][]byte{"c": join(cert, key)},
			0o644,
			"/c: holds a secret and is readable by others: chmod o-rwx",
		},
		{
			"foreign key", "file: c",
			map[string][]byte{"c": join(cert, otherKey)},
			0o600,
			"/c: contains a private key that belongs to none of its certificates",
		},
		{
			"encrypted key", "file: c",
			map[string][]byte{"c": join(cert, []byte(
				"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"))},
			0o600,
			"/c: contains an encrypted private key: decrypt it, or use pkcs12 with password_file",
		},
		{"two keys", "file: c", map[string][]byte{"c": join(cert, key, otherKey)}, 0o600, "more than one private key"},
		{
			"key alone", "file: c",
			map[string][]byte{"c": key},
			0o600,
			"/c: contains no readable certificate (PEM, DER or PKCS#7)",
		},
		{
			"broken certificate", "file: c",
			map[string][]byte{"c": join(cert, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))},
			0o600,
			"/c: certificate 2 cannot be read",
		},
		{
			"broken PKCS#7", "file: c",
			map[string][]byte{"c": []byte("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n")},
			0o600, "/c: contains PKCS#7 that cannot be read (must be SignedData in DER)",
		},
		{"bundle", "file: c", map[string][]byte{"c": bytes.Repeat(cert, 101)}, 0o600, "contains more than 100 certificates"},
		{"empty", "file: c", map[string][]byte{"c": nil}, 0o600, "/c: the file is empty"},
		{
			"neither", "file: c",
			map[string][]byte{"c": []byte("top secret")},
			0o600,
			"/c: contains no readable certificate (PEM, DER or PKCS#7)",
		},
		{"absent", "file: c", nil, 0o600, "/c: no such file or directory"},
		{"PKCS#12", "{pkcs12: p, password_file: w}", map[string][]byte{"p": pfx, "w": []byte("secret\n")}, 0o600, ""},
		{
			"wrong password", "{pkcs12: p, password_file: w}",
			map[string][]byte{"p": pfx, "w": []byte("hunter2\n")},
			0o600,
			"/p: the password is wrong",
		},
		{
			"too slow a PKCS#12", "{pkcs12: p}",
			map[string][]byte{"p": slowPKCS12(t, pfx)},
			0o600,
			"/p: would hash its password more than 2000000 times",
		},
		{
			"no PKCS#12", "{pkcs12: p}",
			map[string][]byte{"p": cert},
			0o600,
			"/p: must be a readable PKCS#12 file with a certificate and its private key",
		},
		{"folder", "{file: .}", nil, 0o600, ": not a regular file but a folder: name the files in it"},
	}
	for _, test := range tests {
		if runtime.GOOS == "windows" && test.name == "others may read" {
			continue
		}
		dir := t.TempDir()
		for name, content := range test.files {
			put(t, filepath.Join(dir, name), string(content), test.mode)
		}
		main := filepath.Join(dir, "main.yaml")
		source := test.source
		if !strings.HasPrefix(source, "{") {
			source = "{" + source + "}"
		}
		put(t, main, "tenants:\n- name: a\n  inbound_connectors: [{name: in}]\n  senders:\n"+
			"  - {name: s, connector: in, certificate: "+source+"}\n", 0o600)
		cfg, err := config.Load(t.Context(), main)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := cfg.Problems().Error()
		if test.want == "" && got != "" || !strings.HasSuffix(got, test.want) || strings.Contains(got, "secret\n") ||
			strings.Contains(got, "hunter2") {
			t.Errorf("%s: error %q; want one that ends in %q", test.name, got, test.want)
		}
		if (cfg.Tenants[0].LoadError == "") != (test.want == "") {
			t.Errorf("%s: not loaded: %q", test.name, cfg.Tenants[0].LoadError)
		}
	}
}

// slowPKCS12 is a .pfx that asks for eight million iterations.
func slowPKCS12(t *testing.T, like []byte) []byte {
	t.Helper()
	private, cert, err := pkcs12.Decode(like, "secret")
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := pkcs12.Modern.WithIterations(0x12345).Encode(private, cert, nil, "secret")
	if err != nil {
		t.Fatal(err)
	}
	// INTEGER, of the same length
	return bytes.ReplaceAll(pfx, []byte{2, 3, 0x01, 0x23, 0x45}, []byte{2, 3, 0x7f, 0xff, 0xff})
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
