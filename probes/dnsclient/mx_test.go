package dnsclient

import (
	"slices"
	"testing"

	"m365_connector_exporter/probes/lab"
)

func TestMXReportsWhetherAnythingWasLearned(t *testing.T) {
	server, err := lab.StartDNS(zone)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client := New([]string{server.Addr()})
	for _, c := range []struct {
		domain string
		want   []string
		ok     bool
	}{
		{"routed.test", []string{"a.test", "b.test", "gone.test"}, true},
		{"null.test", nil, true},
		{"plain.test", nil, true},
		{"none.test", nil, true},
		{"servfail-x.test", nil, false},
		{"not a name", nil, false},
	} {
		got, ok := client.MX(t.Context(), c.domain, nil)
		if !slices.Equal(got, c.want) || ok != c.ok {
			t.Errorf("%s: %v %v, want %v %v", c.domain, got, ok, c.want, c.ok)
		}
	}
}
