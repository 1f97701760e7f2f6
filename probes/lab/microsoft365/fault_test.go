package microsoft365_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab/microsoft365"
)

func TestFaults(t *testing.T) {
	w := start(t)
	token := w.token()
	for name, c := range map[string]struct {
		fault  microsoft365.Fault
		status int
		check  func(r reply) bool
	}{
		"throttled": {
			microsoft365.Throttled(1500 * time.Millisecond), 429,
			func(r reply) bool { return r.header.Get("Retry-After") == "2" },
		},
		"throttled without a time": {
			microsoft365.Throttled(-1), 429, func(r reply) bool { return r.header.Get("Retry-After") == "" },
		},
		"server error": {microsoft365.Status(500), 500, isJSON},
		"unavailable":  {microsoft365.Status(503), 503, isJSON},
		"invalid": {microsoft365.Invalid("Type", "text"), 400, func(r reply) bool {
			exception, message := failure(t, r)
			return exception == "Type" && message == "text"
		}},
		"forbidden": {microsoft365.Forbidden, 403, func(r reply) bool { return r.body[0] == 0 }},
		"page":      {microsoft365.HTML, 200, func(r reply) bool { return r.body[0] == '<' }},
		"redirect": {microsoft365.Redirect("https://elsewhere.example/"), 302, func(r reply) bool {
			return r.header.Get("Location") == "https://elsewhere.example/"
		}},
		"text":   {microsoft365.Body("[]"), 200, func(r reply) bool { return string(r.body) == "[]" }},
		"nested": {microsoft365.Nested(100000), 200, func(r reply) bool { return len(r.body) > 200000 && !isJSON(r) }},
		"cut": {microsoft365.Cut, 200, func(r reply) bool {
			return r.err != nil && len(r.body) > 0 && !json.Valid(r.body)
		}},
		"slow": {microsoft365.Slow(time.Microsecond), 200, isJSON},
		"late": {microsoft365.Late(time.Millisecond), 200, isJSON},
		"huge": {microsoft365.Huge(1 << 20), 200, func(r reply) bool { return len(r.body) > 1<<20 && isJSON(r) }},
		"bomb": {microsoft365.GzipBomb(10 << 20), 200, func(r reply) bool { return len(r.body) > 10<<20 && isJSON(r) }},
	} {
		t.Run(name, func(t *testing.T) {
			w.server.InjectFault(domain, "Get-AcceptedDomain", c.fault)
			r := w.invoke(token, "", "Get-AcceptedDomain", "{}")
			if r.status != c.status || !c.check(r) {
				t.Errorf("%d %v %.200q %v", r.status, r.header, r.body, r.err)
			}
			w.server.InjectFault(domain, "Get-AcceptedDomain", nil)
			w.answer(w.invoke(token, "", "Get-AcceptedDomain", "{}"))
		})
	}
}

func isJSON(r reply) bool { return json.Valid(r.body) }

func TestBombIsSmallOnTheWire(t *testing.T) {
	w := start(t)
	header := adminHeader(w.token())
	header.Set("Accept-Encoding", "gzip") // so that net/http does not unpack it
	w.server.InjectFault(tenantID, "Get-AcceptedDomain", microsoft365.GzipBomb(100<<20))
	address := w.base + "/adminapi/beta/" + tenantID + "/InvokeCommand"
	r := w.do(http.MethodPost, address, header, body("Get-AcceptedDomain", "{}"))
	if len(r.body) > 1<<20 || r.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%d bytes, %v", len(r.body), r.header)
	}
}

func TestFaultsOfSomeRequests(t *testing.T) {
	w := start(t)
	token := w.token()
	for name, c := range map[string]struct {
		fault microsoft365.Fault
		want  []int
	}{
		"the first two": {microsoft365.Times(2, microsoft365.Status(500)), []int{500, 500, 200, 200}},
		"every second":  {microsoft365.Every(2, microsoft365.Status(500)), []int{500, 200, 500, 200}},
		"the first of a second": {
			microsoft365.Every(2, microsoft365.Times(1, microsoft365.Status(500))), []int{500, 200, 200, 200},
		},
	} {
		w.server.InjectFault("", "Get-AcceptedDomain", c.fault)
		var got []int
		for range c.want {
			got = append(got, w.invoke(token, "", "Get-AcceptedDomain", "{}").status)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestSlowAndLateEndWithTheClient(t *testing.T) {
	w := start(t)
	token := w.token()
	w.http.Timeout = 50 * time.Millisecond
	for _, fault := range []microsoft365.Fault{microsoft365.Slow(time.Hour), microsoft365.Late(time.Hour)} {
		w.server.InjectFault(tenantID, "Get-AcceptedDomain", fault)
		if r := w.invoke(token, "", "Get-AcceptedDomain", "{}"); r.err == nil {
			t.Errorf("an answer: %d %s", r.status, r.body)
		}
	} // TestMain finds what is left
}

func TestPeakCountsTenants(t *testing.T) {
	w := start(t)
	arrived, leave := make(chan struct{}, 3), make(chan struct{})
	w.server.InjectFault("", microsoft365.Token, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		arrived <- struct{}{}
		<-leave
		w.WriteHeader(http.StatusTeapot)
	})
	var all sync.WaitGroup
	for _, tenant := range []string{tenantID, domain, "other"} { // the first two are one
		all.Go(func() { w.tokenReply(tenant, nil) })
	}
	for range 3 {
		<-arrived
	}
	close(leave)
	all.Wait()
	if got := w.server.Peak(); got != 2 {
		t.Errorf("%d tenants, want 2", got)
	}
	if requests, refused := w.server.Count("", microsoft365.Token); requests != 3 || refused != 3 {
		t.Errorf("%d requests, %d refused, want 3", requests, refused)
	}
}

// TestCloudsByTheirNames uses the real host names through a proxy.
func TestCloudsByTheirNames(t *testing.T) {
	w := start(t)
	proxy, err := microsoft365.StartProxy(strings.TrimPrefix(w.base, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	address, err := url.Parse(proxy.URL())
	if err != nil {
		t.Fatal(err)
	}
	transport := w.http.Transport.(*http.Transport)
	transport.Proxy, transport.TLSClientConfig.ServerName = http.ProxyURL(address), ""
	defer transport.CloseIdleConnections()
	for _, c := range []struct {
		cloud              microsoft365.Cloud
		login, api         string
		otherCloud, region string
	}{
		{microsoft365.Worldwide, "login.microsoftonline.com", "outlook.office365.com", "outlook.office365.us", "eur02"},
		{microsoft365.GCCHigh, "login.microsoftonline.us", "outlook.office365.us", "outlook-dod.office365.us", ""},
		{microsoft365.DoD, "login.microsoftonline.us", "outlook-dod.office365.us", "outlook.office365.us", ""},
		{microsoft365.China, "login.partner.microsoftonline.cn", "partner.outlook.cn", "outlook.office365.com", ""},
		{microsoft365.China, "login.partner.microsoftonline.cn", "outlook.office365.cn", "outlook.office365.com", ""},
	} {
		t.Run(string(c.cloud)+" "+c.api, func(t *testing.T) {
			w.update(func(t *microsoft365.Tenant) { t.Cloud, t.Region = c.cloud, c.region })
			w.base = "https://" + c.login
			if r := w.tokenReply(tenantID, form{"scope": "https://" + c.otherCloud + "/.default"}); r.status != 400 {
				t.Errorf("scope of another cloud: %d", r.status)
			}
			r := w.tokenReply(tenantID, form{"scope": "https://" + c.api + "/.default"})
			var answer struct {
				Token string `json:"access_token"`
			}
			if err := json.Unmarshal(r.body, &answer); err != nil {
				t.Fatalf("%s %v", r.body, err)
			}
			w.base = "https://" + c.api
			w.answer(w.invoke(answer.Token, "", "Get-AcceptedDomain", "{}"))
			w.base = "https://" + c.otherCloud
			if r := w.invoke(answer.Token, "", "Get-AcceptedDomain", "{}"); r.status != http.StatusUnauthorized {
				t.Errorf("at another cloud: %d", r.status)
			}
			if c.region == "" {
				return
			}
			header := http.Header{"Authorization": {"Bearer " + answer.Token}}
			path := "/AdminApi/v1.0/" + tenantID + "/EXOModuleFile"
			r = w.do(http.MethodGet, "https://"+c.api+path, header, "")
			if got := r.header.Get("Location"); r.status != http.StatusFound || got != "https://eur02."+c.api+path {
				t.Errorf("redirect: %d %q", r.status, got)
			}
			w.base = "https://eur02." + c.api
			w.answer(w.invoke(answer.Token, "", "Get-AcceptedDomain", "{}"))
		})
	}
	w.base = "https://login.microsoftonline.us"
	if code, _ := aadsts(t, w.tokenReply(tenantID, nil)); code != 90002 {
		t.Errorf("a tenant of another cloud: AADSTS%d, want 90002", code)
	}
	if got := proxy.Hosts(); !slices.Contains(got, "eur02.outlook.office365.com:443") {
		t.Errorf("hosts: %v", got)
	}
	if r := w.do(http.MethodGet, "http://plain.example/", nil, ""); r.status != http.StatusMethodNotAllowed {
		t.Errorf("plain HTTP: %d", r.status)
	}
}

func TestTenants(t *testing.T) {
	w := start(t)
	if _, err := w.server.Tenant("nobody"); err == nil {
		t.Error("an unknown tenant")
	}
	if err := w.server.Update("nobody", func(*microsoft365.Tenant) {}); err == nil {
		t.Error("update of an unknown tenant")
	}
	if err := w.server.Update(tenantID, func(t *microsoft365.Tenant) { t.ID = appID }); err == nil {
		t.Error("update that changes the ID")
	}
	tenant, err := w.server.Tenant(strings.ToUpper(domain))
	if err != nil || tenant.ID != tenantID {
		t.Fatal(tenant, err)
	}
	tenant.Apps[0].Secrets[0].Value = "changed"
	tenant.Records["Get-AcceptedDomain"][0] = nil
	w.answer(w.invoke(w.token(), "", "Get-AcceptedDomain", "{}")) // the copy shares nothing
}

func TestPowerShell(t *testing.T) {
	one := microsoft365.Inbound("a", microsoft365.Properties{"WhenChangedUTC": "2026-07-23T22:55:13.0000000Z"})
	for name, c := range map[string]struct {
		records []json.RawMessage
		begin   string
	}{
		"nothing":   {nil, ""},
		"an object": {[]json.RawMessage{one}, "{\n  \""},
		"an array":  {[]json.RawMessage{one, one}, "[\n  {"},
	} {
		got := microsoft365.PowerShell(c.records)
		if !bytes.HasPrefix(got, []byte(c.begin)) || (len(got) > 0) != (c.begin != "") ||
			bytes.Contains(got, []byte(".0000000")) {
			t.Errorf("%s: %s", name, got)
		}
	}
	kinds := []json.RawMessage{
		microsoft365.OrganizationConfig("contoso", nil), microsoft365.TransportRule("r", nil),
		microsoft365.OnPremServer("ex1.contoso.com", nil), microsoft365.DnssecStatus(nil),
	}
	if !json.Valid(microsoft365.PowerShell(kinds)) {
		t.Error("not JSON")
	}
}
