package config_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// TestLimitsOfATenant: a tenant of too many records does not load; the one beside it does.
func TestLimitsOfATenant(t *testing.T) {
	repeat := func(n int, record func(i int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = record(i)
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	addresses := `"192.0.2.1"` + strings.Repeat(`,"192.0.2.1"`, 50_000)
	domains := `"d.example"` + strings.Repeat(`,"d.example"`, 50_000)
	recipients := strings.ReplaceAll(domains, "d.", "u@d.")
	hosts := repeat(5_001, func(i int) string { return fmt.Sprintf(`"h%d.example"`, i) })
	for name, export := range map[string]string{
		"5001 connectors": repeat(5_001,
			func(i int) string { return fmt.Sprintf(`{"Name":"%d","UseMXRecord":false}`, i) }),
		"20001 accepted domains": repeat(20_001,
			func(i int) string { return fmt.Sprintf(`{"DomainName":"d%d.example","DomainType":0}`, i) }),
		"100002 addresses": repeat(2,
			func(i int) string { return fmt.Sprintf(`{"Name":"%d","SenderIPAddresses":[%s]}`, i, addresses) }),
		"100002 domains, hosts and recipients of connectors": repeat(2,
			func(i int) string { return fmt.Sprintf(`{"Name":"%d","RecipientDomains":[%s]}`, i, domains) }),
		"100004 domains, hosts and recipients of connectors": fmt.Sprintf(
			`[{"Name":"o","UseMXRecord":false,"SmartHosts":["h.example"],"ValidationRecipients":[%s]},`+
				`{"Name":"i","SenderDomains":[%s],"AssociatedAcceptedDomains":["a.example"]}]`, recipients, domains),
		"100001 domains, hosts and recipients of connectors": fmt.Sprintf(
			`[{"Name":"o","UseMXRecord":false,"RecipientDomains":%q}]`, strings.Repeat("d.example ", 150_000)),
		"10002 paths": repeat(2, func(i int) string {
			return fmt.Sprintf(`{"Name":"%d","UseMXRecord":false,"SmartHosts":%s}`, i, hosts)
		}),
		"": outJSON,
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "x/big/e.json"), export, 0o600)
		put(t, filepath.Join(dir, "x/small/e.json"), outJSON, 0o600)
		put(t, filepath.Join(dir, "main.yaml"), "tenant_folders: [x/*]\n", 0o600)
		cfg, err := config.Load(t.Context(), filepath.Join(dir, "main.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		got := cfg.Problems().Error()
		if want := `main.yaml:1: tenant_folders[0]: tenant "big": ` + name + ", more than the "; name != "" &&
			!strings.Contains(got, want) || name == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if want := map[bool]string{true: "big:0! small:1", false: "big:1 small:1"}[name != ""]; summary(cfg.Tenants) != want {
			t.Errorf("%s: tenants %s, want %s", name, summary(cfg.Tenants), want)
		}
	}
}

// TestLimitsOfAFile: a small YAML file can have many values by aliases, and a large one without. Neither may take the
// memory of a machine: the limit is for the parser's and the program's own memory together.
func TestLimitsOfAFile(t *testing.T) {
	list := func(begin, item string, n int) string {
		return begin + "[" + strings.Repeat(item+",", n) + item + "]\n"
	}
	numbered := func(item string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, item, i)
		}
		return b.String()
	}
	connectors := numbered("  - {name: c%d, connector_type: OnPremises, smart_hosts: [a.example]}\n", 4_000)
	for name, c := range map[string]struct{ text, want string }{
		"values": {
			list("name: t\naccepted_domains: ", "a", 1_000_001), "t.yaml: more than 1000000 values",
		},
		"aliases of a list of records": {
			"- name: t\n  outbound_connectors: &all\n" + connectors +
				numbered("- {name: t%d, outbound_connectors: *all}\n", 1_000),
			"more than 1000000 values, with those that aliases repeat",
		},
		"aliases of one record": {
			list("name: t\noutbound_connectors: [&one {name: a}, ", "*one", 900_000) + "]", "must be a mapping",
		},
		"aliases of one sender": {
			list("name: t\nsenders: ", "{}", 300_000), "a sender needs a name",
		},
		"tenants": {
			numbered("- {name: t%d}\n", 50_001), "t.yaml:1: 50001 tenants, more than the 50000 that a file may have",
		},
		"a long name": {
			"name: " + strings.Repeat("a", 10<<20), "t.yaml:1: name: longer than 1024 bytes",
		},
		"a long key": {
			"? " + strings.Repeat("a", 10<<20) + "\n: 1\n", "t.yaml:1: " + strings.Repeat("a", 64) + ": unknown key",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, "t.yaml"), c.text, 0o600)
			put(t, filepath.Join(dir, "main.yaml"), "tenant_files: [t.yaml]\ntenants: [{name: small}]\n", 0o600)
			c.text = ""
			peak := peakMemory(t)
			cfg, err := config.Load(t.Context(), filepath.Join(dir, "main.yaml"))
			if used := peak(); used > 512<<20 {
				t.Errorf("%d MB of memory", used>>20)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.Problems().Error(); !strings.Contains(got, c.want) || len(got) > 1<<20 {
				t.Errorf("%.300q, want %q", got, c.want)
			}
		})
	}
}

// peakMemory returns a function that returns how many bytes of heap were in use at most since, garbage included.
func peakMemory(t *testing.T) func() uint64 {
	t.Helper()
	runtime.GC()
	most := make(chan uint64)
	stop := make(chan struct{})
	go func() {
		sample, peak := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}, uint64(0)
		for {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
			select {
			case <-stop:
				most <- peak
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); return <-most }
}
