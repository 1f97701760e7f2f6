package dnsclient

import (
	"slices"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
)

func TestTXT(t *testing.T) {
	server, err := lab.StartDNS(`
_mta-sts.a.test. 60 IN TXT "v=STSv1; " "id=1;"
_mta-sts.a.test. 60 IN TXT "other"
_mta-sts.b.test. 60 IN CNAME _mta-sts.a.test.
_mta-sts.c.test. 60 IN A 127.0.0.1
` + zone)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client := New([]string{server.Addr()})
	for _, c := range []struct {
		name   string
		want   []string
		passed bool
	}{
		{"_mta-sts.a.test", []string{"v=STSv1; id=1;", "other"}, true},
		{"_mta-sts.b.test", []string{"v=STSv1; id=1;", "other"}, true},
		{"_mta-sts.c.test", nil, true},
		{"_mta-sts.gone.test", nil, true},
		{"servfail-x.test", nil, false},
		{"not a name", nil, false},
	} {
		got, step := client.TXT(t.Context(), c.name, nil)
		slices.SortFunc(got, func(a, b string) int { return len(b) - len(a) })
		if !slices.Equal(got, c.want) || (step.Outcome == probes.Passed) != c.passed {
			t.Errorf("%s: %q, %s %s; want %q, passed %v", c.name, got, step.Outcome, step.Detail, c.want, c.passed)
		}
	}
}
