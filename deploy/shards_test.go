package deploy_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func getJSON(t *testing.T, address string, into any) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
}

// A real Prometheus and two exporters with shards.yml probe every path once, and each exporter probes some of them.
func TestShardsCoverEveryPathOnce(t *testing.T) {
	t.Parallel()
	prometheus := need(t, "prometheus")
	dir := t.TempDir()
	exporter := program(t)
	zero := start(t, exporter, "demo", "--web.listen-address=127.0.0.1:0")
	one := start(t, exporter, "demo", "--web.listen-address=127.0.0.1:0")

	addresses := strings.NewReplacer("exporter-0:10587", zero, "exporter-1:10587", one)
	config := addresses.Replace(read(t, "prometheus/shards.yml"))
	// The addresses of a test have no numbers: two relabelings instead of one.
	config = strings.Replace(config, `        regex: (\d+)
        replacement: exporter-${1}:10587
        target_label: __address__
`, `        regex: "0"
        replacement: `+zero+`
        target_label: __address__
      - source_labels: [shard]
        regex: "1"
        replacement: `+one+`
        target_label: __address__
`, 1)
	if strings.Contains(config, "exporter-") {
		t.Fatalf("hosts are left:\n%s", config)
	}
	file := filepath.Join(dir, "shards.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	api := start(t, prometheus, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0")

	var groups []struct{ Targets []string }
	getJSON(t, "http://"+zero+"/sd", &groups)
	got := discovered(t, api, len(groups))
	seen, share := map[string]int{}, map[string]int{}
	for _, scrape := range got {
		seen[scrape.Query().Get("target")]++
		share[scrape.Host]++
	}
	for _, g := range groups {
		if n := seen[g.Targets[0]]; n != 1 {
			t.Errorf("%s is scraped %d times", g.Targets[0], n)
		}
	}
	if len(got) != len(groups) || share[zero] == 0 || share[one] == 0 || len(share) != 2 {
		t.Errorf("%d paths, %d scrapes, shares %v", len(groups), len(got), share)
	}
	for _, host := range []string{zero, one} { // each knows the paths that are its part
		resp, err := http.Get(first(got, host).String())
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %v %v", host, resp, err)
			continue
		}
		_ = resp.Body.Close()
	}
}

func first(all []*url.URL, host string) *url.URL {
	for _, u := range all {
		if u.Host == host {
			return u
		}
	}
	return &url.URL{}
}

// discovered returns the targets that Prometheus scrapes, once their number is as wanted.
func discovered(t *testing.T, api string, want int) []*url.URL {
	t.Helper()
	var scrapes []*url.URL
	tick := time.Tick(100 * time.Millisecond)
	for range 300 {
		<-tick
		var answer struct {
			Data struct {
				ActiveTargets []struct{ ScrapePool, ScrapeURL string }
			}
		}
		getJSON(t, "http://"+api+"/api/v1/targets?state=active", &answer)
		scrapes = nil
		for _, target := range answer.Data.ActiveTargets {
			if u, err := url.Parse(target.ScrapeURL); err == nil && target.ScrapePool == "m365_connector_probe" {
				scrapes = append(scrapes, u)
			}
		}
		if len(scrapes) >= want {
			break
		}
	}
	return scrapes
}
