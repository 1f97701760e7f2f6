package probes_test

import (
	"context"
	"net/netip"
	"testing"

	"m365_connector_exporter/probes"
)

func TestUnlimitedRespectsItsContext(t *testing.T) {
	release, err := probes.Unlimited{}.Acquire(t.Context(), "contoso", netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	release(true)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (probes.Unlimited{}).Acquire(ended, "contoso", netip.Addr{}); err == nil {
		t.Error("admitted after the context had ended")
	}
}
