package web_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"m365_connector_exporter/probes/mailflow"
)

func TestTenantPageIsPaged(t *testing.T) {
	h := provider(1, 100).handler()
	path := regexp.MustCompile(`<tr class="path">.*?target=([^"]*)`)
	next := regexp.MustCompile(`<a rel="next" href="([^"#]*)#paths">`)
	seen, address := map[string]bool{}, "/tenant/customer-00000"
	for page := 1; address != ""; page++ {
		w := get(h, address)
		if w.Code != 200 || page > 3 {
			t.Fatalf("%s: %d, page %d", address, w.Code, page)
		}
		for _, found := range path.FindAllStringSubmatch(w.Body.String(), -1) {
			seen[found[1]] = true
		}
		address = ""
		if link := next.FindStringSubmatch(w.Body.String()); link != nil {
			address = "/tenant/customer-00000" + html.UnescapeString(link[1])
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d of 100 paths on all pages", len(seen))
	}
}

func TestTenantPageCanBePaused(t *testing.T) {
	h := provider(2, 2).handler()
	contains(t, h, "/tenant/customer-00000", `http-equiv="refresh"`, `<a href="customer-00000?refresh=off">Pause</a>`)
	contains(t, h, "/tenant/customer-00000?refresh=off", `<a href="customer-00000">Resume</a>`)
	if strings.Contains(get(h, "/tenant/customer-00000?refresh=off").Body.String(), `http-equiv="refresh"`) {
		t.Error("a paused page refreshes itself")
	}
}

// TestConnectorsLeadToTheirPaths: to the only one, or to the list of all.
func TestConnectorsLeadToTheirPaths(t *testing.T) {
	s := provider(1, 2)
	s.snapshot.Paths = append(s.snapshot.Paths, s.snapshot.Paths[1])
	contains(t, s.handler(), "/",
		`<th scope="row"><a href="path?target=customer-00000%2foutbound%2fTo%2520on-premises%2fmail.customer-00000.example">`,
		`<th scope="row"><a href="./?tenant=customer-00000&amp;q=To%20site%201#paths">`)
}

// TestUnreadTenantIsReportedOnce: that it is not loaded has the same cause.
func TestUnreadTenantIsReportedOnce(t *testing.T) {
	s := provider(2, 1)
	s.snapshot.Tenants[1].LoadError = "nothing has been read from Exchange Online yet"
	s.snapshot.Sources = map[string]mailflow.SourceState{"customer-00001": {
		Cmdlets: []mailflow.CmdletState{{Cmdlet: "Get-AcceptedDomain", Required: true, Message: "refuses the cmdlet"}},
	}}
	for _, page := range []string{"/", "/tenant/customer-00001"} {
		body := get(s.handler(), page).Body.String()
		if n := strings.Count(body, `class="banner"`); n != 1 || !strings.Contains(body, "refuses the cmdlet") {
			t.Errorf("%s has %d banners", page, n)
		}
	}
	contains(t, s.handler(), "/tenant/customer-00001", "</bdi>: The tenant is not loaded.")
}
