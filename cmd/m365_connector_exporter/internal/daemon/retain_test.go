package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"m365_connector_exporter/probes/mailflow"
)

// TestWaitingProbesDoNotKeepOldConfigurations: a probe may wait at the limiter while the configuration is reloaded many
// times. It must not keep the configuration of its start in memory.
func TestWaitingProbesDoNotKeepOldConfigurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "config.yaml")
		text := "global: { allow_networks: [127.0.0.0/8] }\nprobe: { interval: 1m, until: connect }\n" +
			"tenants:\n- name: contoso\n  outbound_connectors:\n"
		connector := func(i int) {
			text += fmt.Sprintf("  - { name: out-%d, connector_type: OnPremises, smart_hosts: [127.0.0.1] }\n", i)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		connector(0)
		d := loaded(t, file)
		release, err := d.limiter.Acquire(t.Context(), "fabrikam", netip.MustParseAddr("127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		defer release(false)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); d.runner.Run(ctx) }()
		defer func() { cancel(); <-done }()

		var old []weak.Pointer[mailflow.OutboundConnector]
		for i := 1; i <= 3; i++ {
			old = append(old, weak.Make(&d.cfg.Load().Tenants[0].Outbound[0]))
			time.Sleep(time.Minute)
			if got := d.runner.Stats().InFlight; got != i {
				t.Fatalf("%d probes wait, want %d", got, i)
			}
			connector(i)
			if err := d.reload(t.Context(), "test"); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		runtime.GC()
		var kept []string
		for i, p := range old {
			if p.Value() != nil {
				kept = append(kept, fmt.Sprint(i))
			}
		}
		if kept != nil {
			t.Errorf("of the configurations before the current one, these are in memory: %s", strings.Join(kept, ", "))
		}
	})
}
