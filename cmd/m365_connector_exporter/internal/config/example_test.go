package config_test

import (
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/mailflow"
)

// TestExample: config.example.yaml loads without a warning, with the values that it shows.
func TestExample(t *testing.T) {
	cfg, err := config.Load(t.Context(), "../../../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Warnings) > 0 || len(cfg.Problems()) > 0 {
		t.Errorf("warnings %q, problems %v", cfg.Warnings, cfg.Problems())
	}
	layers := cfg.Layers("contoso", mailflow.Inbound, "From on-premises", "edge-1")
	if len(layers) != 2 || *layers[1].Interval != 2*time.Hour {
		t.Errorf("layers of the sender: %+v", layers)
	}
	s := cfg.Suppressions[0]
	if want := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC); s.Check != "ip_authentication_only" || !s.Expires.Equal(want) {
		t.Errorf("suppression %+v", s)
	}
	if got := cfg.Checks["connector_disabled"]; got != "off" {
		t.Errorf("checks: connector_disabled = %q", got)
	}
}
