package daemon

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// TestReportedConfigurations audits situations from public reports. Each folder has a configuration and its exports.
func TestReportedConfigurations(t *testing.T) {
	const (
		byAddress = "info ip_authentication_only"
		noSender  = "info inbound_connector_without_sender"
		noProbe   = "info connector_not_probeable"
	)
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) // while mail.pem is valid
	for _, c := range []struct {
		folder string
		want   []string // severity and code of each finding
	}{
		// an add-on service's connector and a printer's, both with a restriction that counts for partners only
		{"restrict-on-onpremises", []string{
			byAddress, noSender, "info restriction_without_effect", "info restriction_without_effect",
		}},
		// an empty file is what PowerShell writes for no connector
		{"empty-export-from-the-docs", []string{byAddress}},
		// mail for the own domain to the MX, which is Exchange Online
		{"hybrid-connector-by-mx", []string{noProbe, "warning mail_loop", "warning mail_loop"}},
		{"exchange-online-range-as-sender", []string{byAddress, "critical exchange_online_address_as_sender"}},
		// lists joined to one text
		{"dropped-values-are-silent", []string{byAddress}},
		// the name of a type instead of a list
		{"type-name-as-host", []string{"warning export_value_unread"}},
		// Get-SendConnector and Get-ReceiveConnector of the servers on premises
		{"on-premises-connectors-misread", nil},
		// a gateway for the rest, beside a partner
		{"star-against-wildcard", nil},
		// a certificate beside the address that suffices
		{"better-certificate-worse-verdict", []string{byAddress, "info certificate_names_not_accepted"}},
		// transport rules beside the exports
		{"one-foreign-file-blinds", []string{byAddress, "info not_judged"}},
	} {
		file := filepath.Join("../../../../collector/check/testdata/cases", c.folder, "config.yaml")
		cfg, err := config.Load(t.Context(), file)
		if err != nil || len(cfg.Problems()) > 0 {
			t.Fatalf("%s: %v, %v", c.folder, err, cfg.Problems())
		}
		var got []string
		for _, f := range Audit(cfg, nil, now).Findings {
			if f.Code != "inventory_stale" { // depends on when the files were checked out
				got = append(got, f.Severity.String()+" "+f.Code)
			}
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %s, want %s", c.folder, strings.Join(got, ", "), strings.Join(c.want, ", "))
		}
	}
}
