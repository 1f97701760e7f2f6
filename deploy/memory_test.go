package deploy_test

import (
	"regexp"
	"strconv"
	"testing"
)

// TestMemoryLimits: the Go runtime's own limit is nine tenths of the limit that ends the process, so that it collects
// garbage before.
func TestMemoryLimits(t *testing.T) {
	goLimit := regexp.MustCompile(`GOMEMLIMIT(?:=|: |", value: |, value: )(\d+)MiB`)
	for file, limit := range map[string]*regexp.Regexp{
		"systemd/m365_connector_exporter.service":             regexp.MustCompile(`(?m)^MemoryMax=(\d+)(G)$`),
		"compose/compose.yaml":                                regexp.MustCompile(`mem_limit: (\d+)(m)`),
		"kubernetes/manifests/exporter.yaml":                  regexp.MustCompile(`limits: \{ memory: (\d+)(M)i`),
		"kubernetes/helm/m365-connector-exporter/values.yaml": regexp.MustCompile(`limits: \{ memory: (\d+)(M)i`),
	} {
		text := read(t, file)
		ends, collects := limit.FindStringSubmatch(text), goLimit.FindStringSubmatch(text)
		if ends == nil || collects == nil {
			t.Errorf("%s: limits %v and GOMEMLIMIT %v; want both", file, ends, collects)
			continue
		}
		most, _ := strconv.ParseFloat(ends[1], 64) // digits
		if ends[2] == "G" {
			most *= 1024
		}
		own, _ := strconv.ParseFloat(collects[1], 64)
		if share := own / most; share < 0.88 || share > 0.92 {
			t.Errorf("%s: GOMEMLIMIT is %.2f of the memory limit, want nine tenths", file, share)
		}
	}
}
