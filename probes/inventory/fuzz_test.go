package inventory_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// FuzzExport: no export may panic, or bring control characters into a value that can be part of an SMTP command.
func FuzzExport(f *testing.F) {
	files, err := filepath.Glob("testdata/exports/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add([]byte(utf16le(string(text))))
	}
	file := filepath.Join(f.TempDir(), "e.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := load(t, file)
		if err != nil && strings.ContainsFunc(err.Error(), unicode.IsControl) {
			t.Errorf("%q", err)
		}
		var values []string
		for _, c := range s.Outbound {
			values = append(append(append(values, c.SmartHosts...), c.ValidationRecipients...), c.Name, c.TLSDomain)
		}
		for _, c := range s.Inbound {
			values = append(append(append(values, c.SenderDomains...), c.SenderIPAddresses...), c.Name,
				c.TLSSenderCertificateName)
		}
		for _, v := range values {
			if strings.ContainsFunc(v, unicode.IsControl) {
				t.Errorf("%q could inject a command into an SMTP session", v)
			}
		}
	})
}
