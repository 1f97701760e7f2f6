package web_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/collector/calendar"
)

func TestCalendar(t *testing.T) {
	s := gallery()
	if w := get(s.handler(), "/calendar"); w.Code != 200 || !strings.Contains(w.Body.String(), "No date concerns") {
		t.Errorf("without dates: %d %s", w.Code, w.Body)
	}
	advisory := &calendar.Advisory{ID: "id-1", Title: "Something ends", Source: "a document", Uncertain: "third parties"}
	s.snapshot.Report.Deadlines = []calendar.Deadline{
		{Advisory: advisory, At: noon.AddDate(0, 0, -1), Tenant: "fabrikam", Why: "x" + evil},
		{Advisory: advisory, At: noon.AddDate(0, 0, 9), Tenant: "contoso", Connector: "Relay"},
		{Advisory: advisory, At: noon.AddDate(2, 0, 9), Tenant: "contoso", Connector: "Gateway"},
	}
	for url, want := range map[string][]string{
		"/calendar": {
			"3 dates; 1 within a month; 1 in the past.", "Something ends", "UNCERTAIN: third parties", "fabrikam", "Relay",
			"24 h ago",
		},
		"/calendar?tenant=contoso": {"2 dates; 1 within a month.", "Gateway"},
		"/calendar?q=gate":         {"1 date."},
		"/calendar?q=nothing":      {"0 dates.", "No date matches."},
	} {
		w := get(s.handler(), url)
		for _, text := range want {
			if w.Code != 200 || !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s: %d, without %q: %s", url, w.Code, text, w.Body)
			}
		}
		if strings.Contains(w.Body.String(), evil) {
			t.Errorf("%s: unescaped text", url)
		}
	}
	if w := get(s.handler(), "/calendar?state=failing"); w.Code != 400 {
		t.Errorf("an unknown parameter: %d", w.Code)
	}
}
