package daemon

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"m365_connector_exporter/probes/lab"
)

// testProbe asks /probe for paths that the daemon watches, and for some that it does not.
func testProbe(t *testing.T, world *lab.World, handler http.Handler) {
	t.Helper()
	for _, test := range []struct {
		target, header, says string
	}{
		{"contoso/To%20on-premises/mail.contoso.example", "", "probe_success 1"},
		{"contoso/outbound/To%20on-premises/mail.contoso.example", "", "probe_ssl_earliest_cert_expiry"},
		{
			"fabrikam/Expired%20certificate/expired.fabrikam.example", "",
			`outcome="failed",reason="certificate_expired",stage="tls"`,
		},
		{"contoso/Turned%20off/old.contoso.example", "", "probe_success 1"},
		{"contoso/In%20test%20mode/new.contoso.example", "", "probe_success 1"},
		{"contoso/Test%20message/test.contoso.example", "", `stage="recipient"} 1`},
		{"tailspin/Tarpit/tarpit.tailspin.example", "1", "probe_inconclusive 1"},
	} {
		answer := get(handler, http.MethodGet, "/probe?target="+url.QueryEscape(test.target),
			map[string]string{"X-Prometheus-Scrape-Timeout-Seconds": test.header})
		if body := answer.Body.String(); answer.Code != http.StatusOK || !strings.Contains(body, test.says) ||
			strings.Contains(body, `stage="message"`) {
			t.Errorf("%s = %d %s; want %s", test.target, answer.Code, body, test.says)
		}
	}
	if n := len(world.Messages()); n != 1 {
		t.Errorf("%d test messages after /probe, want the daemon's one", n)
	}
	debug := get(handler, http.MethodGet, "/probe?debug=true&target=fabrikam/Wrong%2520name/wrong.fabrikam.example",
		nil).Body.String()
	if !strings.Contains(debug, "C STARTTLS") || !strings.Contains(debug, "certificate_name_mismatch") {
		t.Errorf("debug=true says:\n%s", debug)
	}
}
