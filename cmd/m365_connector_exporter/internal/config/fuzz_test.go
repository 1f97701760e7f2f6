package config_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/txtar"
	"software.sslmate.com/src/go-pkcs12"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// seeds are the files of a pattern.
func seeds(f *testing.F, pattern string) (all [][]byte) {
	f.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatal(pattern, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// plain fails where a value that can be part of an SMTP command could end it.
func plain(t *testing.T, cfg *config.Config) {
	t.Helper()
	for _, tenant := range cfg.Tenants {
		values := []string{tenant.Name}
		for _, c := range tenant.Outbound {
			values = append(append(append(values, c.SmartHosts...), c.ValidationRecipients...), c.Name, c.TLSDomain)
		}
		for _, s := range tenant.Senders {
			values = append(append(values, s.MailFromDomains...), s.Recipient, s.Target)
		}
		for _, v := range values {
			if strings.ContainsFunc(v, unicode.IsControl) {
				t.Errorf("%q could inject a command", v)
			}
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("tenants:\n- &t {name: a, exports: [e.json]}\n- *t\n"))
	f.Add([]byte("0: [:!00 \xef"))
	for _, text := range seeds(f, "testdata/bad/*.txtar") {
		f.Add(txtar.Parse(text).Files[0].Data)
	}
	f.Add(seeds(f, "../../../../config.example.yaml")[0])
	main := filepath.Join(f.TempDir(), "main.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(main, text, 0o600); err != nil {
			t.Fatal(err)
		}
		loader := config.NewLoader(main)
		cfg, err := loader.Load(t.Context())
		if (cfg == nil) == (err == nil) {
			t.Fatalf("both or neither: %v, %v", cfg, err)
		}
		if cfg == nil {
			return
		}
		plain(t, cfg)
		again, err := loader.Load(t.Context())
		if err != nil || len(again.ChangesSince(cfg)) > 0 || loader.Changed(t.Context()) {
			t.Errorf("the same file, loaded twice: %v, %v", err, again.ChangesSince(cfg))
		}
	})
}

func FuzzCertificate(f *testing.F) {
	text := seeds(f, "testdata/certs/chain.p7b")[0]
	block, _ := pem.Decode(text)
	f.Add(text)
	f.Add(block.Bytes)
	cert, key, pfx, der := pair(f)
	private, leaf, err := pkcs12.Decode(pfx, "secret")
	if err != nil {
		f.Fatal(err)
	}
	bare, err := pkcs12.Passwordless.Encode(private, leaf, []*x509.Certificate{leaf}, "") // nothing in it is sealed
	if err != nil {
		f.Fatal(err)
	}
	for _, data := range [][]byte{pfx, bare, der, append(cert, key...), append(der, der...)} {
		f.Add(data)
	}
	file, password := filepath.Join(f.TempDir(), "c"), filepath.Join(f.TempDir(), "p")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, with := range []string{"", password} {
			m, err := config.ReadCertificate(t.Context(), file, with)
			if (err == nil) != (len(m.Chain) > 0) || (err == nil) != (m.Presented() != nil) ||
				len(m.Chain) > 0 && string(m.Chain[0]) != string(m.Leaf.Raw) {
				t.Errorf("%d certificates, %v", len(m.Chain), err)
			}
			if err != nil && strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Errorf("%q", err)
			}
		}
	})
}
