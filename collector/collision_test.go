package collector_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// TestEqualLabelsExposeTheFirst has names that differ only in what a label cannot hold.
func TestEqualLabelsExposeTheFirst(t *testing.T) {
	s := collector.NewStore(func() time.Time { return noon })
	first, second, ends := path("c", "h\x01"), path("c", `h\u0001`), path("c", "x")
	s.SetInventory([]mailflow.Tenant{
		{Name: "t\x01", InventoryTime: noon, Outbound: []mailflow.OutboundConnector{
			{Common: mailflow.Common{Name: "c\x01", Enabled: mailflow.Yes}},
			{Common: mailflow.Common{Name: `c\u0001`, WhenChanged: noon}},
		}},
		{
			Name: `t\u0001`, InventoryTime: noon,
			Inbound: []mailflow.InboundConnector{{Common: mailflow.Common{Name: "other"}}},
		},
	}, []probes.Path{first, second, ends})
	s.Record(round(first, noon, endpoint("h", "192.0.2.1", passed(0), problem(probes.ReasonConnectRefused))))
	s.Record(round(second, noon, healthy("h", "192.0.2.1")))
	refused := endpoint("e\x01", "192.0.2.1", passed(0), problem(probes.ReasonConnectRefused))
	s.Record(round(ends, noon, refused, refused, healthy(`e\u0001`, "192.0.2.1")))

	g := collector.NewGatherer(nil, nil, s)
	page := written(t, g, expfmt.FmtText)
	const at = `address="192.0.2.1",connector="c",direction="outbound",`
	for line, times := range map[string]int{
		`probe_success{connector="c",direction="outbound",path="h\\u0001",tenant="contoso"} 0`: 1,
		`endpoint_success{` + at + `host="h",path="h\\u0001"`:                                  1,
		`endpoint_success{` + at + `host="e\\u0001",path="x",tenant="contoso"} 0`:              1,
		"m365_connector_certificate_info":                                                      0, // of the second endpoint
		`m365_connector_inventory_timestamp_seconds{tenant="t\\u0001"}`:                        1,
		`m365_connector_enabled{connector="c\\u0001"`:                                          1,
		"m365_connector_last_changed_timestamp_seconds":                                        0, // of the second connector
		`connector="other"`: 0,
	} {
		if got := strings.Count(page, line); got != times {
			t.Errorf("%d times, want %d: %s\n%s", got, times, line, page)
		}
	}
	unique(t, g)
	if g.Dropped() == 0 {
		t.Error("nothing was counted")
	}
	g = collector.NewGatherer(nil, nil, store())
	if written(t, g, expfmt.FmtText) == "" || g.Dropped() == 0 {
		t.Error("the series of connector A\\u0001 were not counted")
	}
}

func TestEqualSeriesOfTwoSourcesExposeTheFirst(t *testing.T) {
	s := store()
	alone, twice := collector.NewGatherer(nil, nil, s), collector.NewGatherer(nil, nil, s, s)
	if diff := cmp.Diff(written(t, alone, expfmt.FmtText), written(t, twice, expfmt.FmtText)); diff != "" {
		t.Error(diff)
	}
	if series := unique(t, alone); twice.Dropped() != uint64(series)+2*alone.Dropped() {
		t.Errorf("%d dropped of %d series twice", twice.Dropped(), series)
	}
}

// unique counts the series, and reports those that occur twice and labels that Prometheus would not accept.
func unique(t *testing.T, g prometheus.Gatherer) (n int) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			key := family.GetName()
			for _, l := range m.GetLabel() {
				if len(l.GetValue()) > 256 || !utf8.ValidString(l.GetValue()) {
					t.Errorf("%s=%q", l.GetName(), l.GetValue())
				}
				key += "\x00" + l.GetName() + "\x00" + l.GetValue()
			}
			if seen[key] {
				t.Errorf("twice: %q", key)
			}
			seen[key] = true
			n++
		}
	}
	return n
}

// FuzzLabels holds that every series occurs once, whatever names and peers contain, and is written as by the library.
func FuzzLabels(f *testing.F) {
	for _, s := range []string{
		"", "plain", "\xff\x00\x1b[2J", strings.Repeat("é", 200), strings.Repeat("\xff", 5000),
		"a\x00b", `quote " and \ back`,
	} {
		f.Add(s, s, 1.0)
	}
	f.Add("a", "b", -0.5)
	f.Fuzz(func(t *testing.T, a, b string, seconds float64) {
		p, q := path(a, b), path(b, a)
		p.Settings.Interval = time.Duration(seconds * float64(time.Second))
		store := collector.NewStore(time.Now)
		store.SetInventory([]mailflow.Tenant{{Name: a, InventoryTime: noon}, {Name: b}}, []probes.Path{p, q})
		e := healthy(a, "192.0.2.1")
		e.TLS.Chain[0].Subject, e.TLS.Cipher = b, a
		store.Record(round(p, noon, e, healthy(b, "192.0.2.1")))
		g := gathererOf(store)
		unique(t, g)
		for _, format := range formats {
			if want, got := encoded(t, g, format), written(t, g, format); want != got {
				t.Errorf("%s: %s", format, cmp.Diff(want, got))
			}
		}
	})
}

func TestPageOfSomeTenants(t *testing.T) {
	s := store()
	tenants := append(s.Snapshot().Tenants, mailflow.Tenant{Name: "a/b", InventoryTime: noon})
	s.SetInventory(tenants, []probes.Path{path("Good", "mail.contoso.com")})
	all := gathererOf(s)
	for _, c := range []struct {
		globs []string
		ok    bool
		want  []string
	}{
		{[]string{"con*"}, true, []string{"contoso"}},
		{[]string{"x", "contoso"}, true, []string{"contoso"}},
		{[]string{"fabrikam"}, true, nil},
		{[]string{"a*"}, true, []string{"a/b"}},
		{[]string{"a?b", "c*"}, true, []string{"a/b", "contoso"}},
		{[]string{"*"}, true, []string{"a/b", "contoso"}},
		{[]string{"["}, false, nil},
		{make([]string, 65), false, nil},
		{[]string{}, true, nil},
	} {
		part, err := all.ForTenants(c.globs)
		if (err == nil) != c.ok {
			t.Errorf("%q: %v", c.globs, err)
		}
		if err != nil {
			continue
		}
		page := written(t, part, expfmt.FmtText)
		for _, tenant := range []string{"contoso", "a/b"} {
			if got := strings.Contains(page, `tenant="`+tenant+`"`); got != slices.Contains(c.want, tenant) {
				t.Errorf("%q: %s shown: %v", c.globs, tenant, got)
			}
		}
		if strings.Contains(page, "stage_duration_seconds_bucket") {
			t.Errorf("%q: the histogram has no tenant", c.globs)
		}
	}
}
