package check

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"m365_connector_exporter/probes"
)

func TestOverloads(t *testing.T) {
	paths := func(n int, interval, took time.Duration) []Path {
		var all []Path
		for i := range n {
			e := probes.Endpoint{Host: "h", Addr: netip.MustParseAddrPort("192.0.2.1:25")}
			e.Steps[probes.Resolve].Duration, e.Steps[probes.TLSStage].Duration = time.Hour, took // a slow resolver holds no connection
			id := probes.PathID{Tenant: fmt.Sprint("t", i)}
			all = append(all, Path{
				Path:       &probes.Path{ID: id, Settings: probes.Settings{Interval: interval}},
				Conclusive: &probes.Result{Path: id, Endpoints: []probes.Endpoint{e}},
			})
		}
		return all
	}
	for name, c := range map[string]struct {
		paths      []Path
		concurrent int
		gap        time.Duration
		want       int
	}{
		"fits":                      {paths(50, time.Minute, time.Second), 1, time.Second, 0},
		"too slow":                  {paths(50, time.Minute, 2*time.Second), 1, time.Second, 1},
		"two at a time":             {paths(50, time.Minute, 2*time.Second), 2, time.Second, 0},
		"the gap alone is too much": {paths(61, time.Minute, 0), 16, time.Second, 1},
		"never probed":              {[]Path{{Path: &probes.Path{}}}, 1, time.Second, 0},
	} {
		got := Overloads(c.paths, c.concurrent, c.gap)
		if len(got) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
		if len(got) > 0 && (len(got[0].Paths) != MaxEvidence || got[0].Address != "192.0.2.1") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
