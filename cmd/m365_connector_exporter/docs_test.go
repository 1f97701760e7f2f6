package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
)

// configBlock is a piece of a document that begins with a section of the configuration.
var configBlock = regexp.MustCompile("(?s)```yaml\n((?:global|exchange_online|probe|thresholds|checks|modules|" +
	"tenant_folders|tenant_files|tenants|sink|round_trips|suppressions):.*?)```")

// TestExamplesLoad executes what the documents show: every configuration in them loads without a word, beside the
// files that they speak of.
func TestExamplesLoad(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, document := range append(documents, "../../README.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range configBlock.FindAllSubmatch(text, -1) {
			found[filepath.Base(document)]++
			cfg, err := config.Load(t.Context(), exampleFiles(t, block[1]))
			if err != nil || len(cfg.Problems()) > 0 || len(cfg.Warnings) > 0 {
				t.Errorf("%s: %v, %v\n%s", document, err, cfg, block[1])
			} else if document == "../../README.md" && len(daemon.Plan(cfg, "")) != 2 {
				t.Errorf("%s: %d paths:\n%s", document, len(daemon.Plan(cfg, "")), block[1])
			}
		}
	}
	if found["README.md"] == 0 || found["configuration.md"] == 0 {
		t.Errorf("examples by document: %v", found)
	}
}

// applicationPEM returns a certificate with an RSA key.
func applicationPEM(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})...)
}

// exampleFiles writes a configuration and the files that the documents' examples name.
func exampleFiles(t *testing.T, main []byte) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mail.contoso.com"},
		NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"config.yaml": main,
		"app.pem":     applicationPEM(t),
		"fetch.yaml": []byte( // reads nothing: its only tenant has no secret
			"tenants: [{ name: contoso, exchange_online: { tenant_id: contoso.onmicrosoft.com, client_secret_file: none, " +
				"client_id: 11111111-2222-3333-4444-555555555555 } }]\n"),
		"certs/edge-1.pem": append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...),
		"exports/contoso/outbound.json": []byte(
			`{"Name":"To on-premises","UseMXRecord":false,"SmartHosts":["mail.contoso.com"]}`),
		"exports/contoso/inbound.json": []byte(`{"Name":"From on-premises","SenderDomains":["smtp:*;1"]}`),
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "config.yaml")
}
