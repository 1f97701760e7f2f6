package web_test

import (
	"crypto/md5" // what Prometheus hashes with
	"encoding/binary"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// relabelling is a relabel_config of Prometheus, as far as the documentation uses it.
type relabelling struct {
	Source      []string `yaml:"source_labels"`
	Regex       string
	Modulus     uint64
	Target      string `yaml:"target_label"`
	Replacement string
	Action      string
}

// apply does to a target's labels what Prometheus does.
func (r relabelling) apply(t *testing.T, labels map[string]string) {
	t.Helper()
	var values []string
	for _, name := range r.Source {
		values = append(values, labels[name])
	}
	value := strings.Join(values, ";")
	switch r.Action {
	case "hashmod":
		sum := md5.Sum([]byte(value))
		labels[r.Target] = strconv.FormatUint(binary.BigEndian.Uint64(sum[8:])%r.Modulus, 10)
	case "":
		if r.Regex != "" && !regexp.MustCompile("^(?s:"+r.Regex+")$").MatchString(value) {
			return
		}
		labels[r.Target] = value
		if r.Replacement != "" {
			labels[r.Target] = r.Replacement
		}
	default:
		t.Fatalf("the documentation uses the action %q", r.Action)
	}
}

// TestTwoShards scales out as docs/scaling.md shows: each path on /sd is probed by exactly one of two exporters,
// and both probe some.
func TestTwoShards(t *testing.T) {
	doc, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(doc)
	var prometheus struct {
		Scrape []struct {
			Path    string `yaml:"metrics_path"`
			Params  url.Values
			Relabel []relabelling `yaml:"relabel_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(block[1], &prometheus); err != nil {
		t.Fatal(err)
	}
	job := prometheus.Scrape[0]
	s := full()
	h := s.handler()
	var groups []struct {
		Targets []string
		Labels  map[string]string
	}
	if err := json.Unmarshal(get(h, "/sd").Body.Bytes(), &groups); err != nil {
		t.Fatal(err)
	}
	covered, load := map[string]int{}, map[string]int{}
	for _, g := range groups {
		labels := maps.Clone(g.Labels)
		labels["__address__"] = g.Targets[0]
		for _, r := range job.Relabel {
			r.apply(t, labels)
		}
		query := maps.Clone(job.Params)
		query.Set("target", labels["__param_target"])
		if w := get(h, job.Path+"?"+query.Encode()); w.Code != 200 {
			t.Errorf("%s: %d %s", g.Targets[0], w.Code, w.Body)
		}
		covered[labels["__param_target"]]++
		load[labels["__address__"]]++
		if labels["instance"] != g.Targets[0] || labels["tenant"] == "" {
			t.Errorf("labels %v", labels)
		}
	}
	for _, p := range s.snapshot.Paths {
		if n := covered[p.Path.ID.String()]; n != 1 {
			t.Errorf("%s is covered %d times", p.Path.ID, n)
		}
	}
	if len(covered) != len(s.snapshot.Paths) || len(load) != 2 || load["exporter-0.example:10587"] == 0 ||
		load["exporter-1.example:10587"] == 0 {
		t.Errorf("%d targets over %v; %d paths", len(covered), load, len(s.snapshot.Paths))
	}
}
