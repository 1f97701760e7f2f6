package daemon

import (
	"crypto/x509"
	"slices"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// The system's roots are another store only where ca_file replaces them: else they decide.
func TestTrustStoresOfAConfiguration(t *testing.T) {
	named := []config.TrustStore{{Name: "partner", Roots: x509.NewCertPool()}}
	for name, c := range map[string]struct {
		global config.Global
		want   []string
	}{
		"none":         {config.Global{}, []string{"mozilla", "digicert_global_root_g2"}},
		"one":          {config.Global{TrustStores: named}, []string{"mozilla", "digicert_global_root_g2", "partner"}},
		"with ca_file": {config.Global{Roots: x509.NewCertPool()}, []string{"system", "mozilla", "digicert_global_root_g2"}},
	} {
		var got []string
		for _, s := range trustStores(c.global) {
			got = append(got, s.Name)
			if (s.Roots == nil) != (s.Name == "system") {
				t.Errorf("%s: %s has the wrong roots", name, s.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
