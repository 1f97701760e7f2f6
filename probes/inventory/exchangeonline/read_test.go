package exchangeonline

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestReadReturnsTheRecordsOfAllCmdlets(t *testing.T) {
	s := newService(t)
	s.cmdlets["Get-TransportRule"] = list(`{"Name":"r","State":"Enabled"}`)
	read, waits := s.read(t)
	if !read.OK() || len(waits) > 0 {
		t.Fatalf("failures %v, waits %v", read.Failures, waits)
	}
	for _, name := range []string{
		"Get-AcceptedDomain", "Get-InboundConnector", "Get-OutboundConnector", "Get-TransportRule",
	} {
		if len(read.Answers[name].Records) != 1 {
			t.Errorf("%s: %d records", name, len(read.Answers[name].Records))
		}
	}
	if f := read.Failures["Get-BlockedConnector"]; f == nil || f.Reason != RoleMissing {
		t.Errorf("403 is %v, want role_missing", f)
	}
}

func TestRequestsAreAsExchangeOnlineNeedsThem(t *testing.T) {
	s := newService(t)
	var headers http.Header
	var path, query, body string
	s.cmdlets["Get-OutboundConnector"] = func(w http.ResponseWriter, r *http.Request) {
		headers, path, query = r.Header, r.URL.Path, r.URL.RawQuery
		text, _ := io.ReadAll(r.Body)
		body = string(text)
		list()(w, r)
	}
	s.cmdlets["Get-OrganizationConfig"] = func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		list(`{"RejectDirectSend":true}`)(w, r)
	}
	if read, _ := s.read(t); !read.OK() {
		t.Fatal(read.Failures)
	}
	const want = `{"CmdletInput":{"CmdletName":"Get-OutboundConnector",` +
		`"Parameters":{"IncludeTestModeConnectors":true,"ResultSize":"Unlimited"}}}`
	if body != want || path != "/adminapi/beta/"+testTenant+"/InvokeCommand" {
		t.Errorf("body %s, path %s", body, path)
	}
	if !strings.HasPrefix(query, "$select=") || !strings.Contains(query, "RejectDirectSend") {
		t.Errorf("query %s", query)
	}
	anchor := "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@" + testTenant
	if got := headers.Get("X-AnchorMailbox"); got != anchor {
		t.Errorf("X-AnchorMailbox %q", got)
	}
	if headers.Get("Prefer") != "odata.maxpagesize=1000" || headers.Get("X-ResponseFormat") != "json" {
		t.Errorf("headers %v", headers)
	}
}

// TestTokenByCertificate: the assertion names the application, and the certificate by its SHA-256.
func TestTokenByCertificate(t *testing.T) {
	s := newService(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tenant := s.secretTenant(t)
	tenant.Credential, err = NewCertificate(selfSigned(t, key), key)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := s.client()
	if read := c.Read(t.Context(), tenant, &Answers{}); !read.OK() {
		t.Fatal(read.Failures)
	}
	form, _ := url.ParseQuery(s.bodies[0])
	if form.Get("grant_type") != "client_credentials" || form.Get("client_id") != testClient ||
		!strings.Contains(form.Get("scope"), "https://outlook.office365.com/.default") ||
		strings.Count(form.Get("client_assertion"), ".") != 2 || form.Has("client_secret") {
		t.Errorf("request for a token: %v", form)
	}
}

func TestCredentialThatCannotSign(t *testing.T) {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	if _, err := NewCertificate(selfSigned(t, key), other); err == nil {
		t.Error("a key of another certificate is accepted")
	}
	if _, err := NewCertificate(selfSigned(t, key), nil); err == nil {
		t.Error("a certificate without a key is accepted")
	}
	if _, err := NewSecret(""); err == nil {
		t.Error("an empty secret is accepted")
	}
}

func TestPagesAreFollowed(t *testing.T) {
	s := newService(t)
	s.cmdlets["Get-InboundConnector"] = func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("skip"))
		next := ""
		if n < 2 {
			next = fmt.Sprintf(`,"@odata.nextLink":"https://%s%s?skip=%d"`, r.Host, r.URL.Path, n+1)
		}
		reply(200, fmt.Sprintf(`{"value":[{"Name":"c%d","SenderDomains":["*"]}]%s}`, n, next))(w, r)
	}
	read, _ := s.read(t)
	if got := len(read.Answers["Get-InboundConnector"].Records); got != 3 {
		t.Errorf("%d records, want 3; %v", got, read.Failures)
	}
}

func TestTransientFailuresAreRetried(t *testing.T) {
	for _, c := range []struct {
		name    string
		failing http.HandlerFunc
		want    time.Duration
	}{
		{"429 with seconds", throttle("7"), 7 * time.Second},
		{"429 without Retry-After", reply(429, ""), 5 * time.Second},
		{"500", reply(500, ""), 5 * time.Second},
		{"503", reply(503, ""), 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			good, tries := s.cmdlets["Get-InboundConnector"], 0
			s.cmdlets["Get-InboundConnector"] = func(w http.ResponseWriter, r *http.Request) {
				if tries++; tries == 1 {
					c.failing(w, r)
					return
				}
				good(w, r)
			}
			read, waits := s.read(t)
			if !read.OK() || !slices.Equal(waits, []time.Duration{c.want}) {
				t.Errorf("failures %v, waits %v, want one of %s", read.Failures, waits, c.want)
			}
		})
	}
}

// TestCertificateThatWasJustRegistered: Entra ID knows it after some seconds.
func TestCertificateThatWasJustRegistered(t *testing.T) {
	s := newService(t)
	tries := 0
	s.token = func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries < 3 {
			aadsts(401, 700027)(w, r)
			return
		}
		reply(200, `{"token_type":"Bearer","expires_in":3599,"access_token":"`+accessToken+`"}`)(w, r)
	}
	read, waits := s.read(t)
	if !read.OK() || !slices.Equal(waits, []time.Duration{rotationWait, rotationWait}) {
		t.Errorf("failures %v, waits %v", read.Failures, waits)
	}
}

// TestPropertyThatDoesNotExist: $select is an optimization, and left out where the service refuses it.
func TestPropertyThatDoesNotExist(t *testing.T) {
	s := newService(t)
	s.cmdlets["Get-OrganizationConfig"] = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			reply(400, exception("x"))(w, r)
			return
		}
		list(`{"RejectDirectSend":true}`)(w, r)
	}
	read, _ := s.read(t)
	if len(read.Answers["Get-OrganizationConfig"].Records) != 1 {
		t.Error(read.Failures["Get-OrganizationConfig"])
	}
}

func TestAnswersThatMayBeIncomplete(t *testing.T) {
	before := &Answers{All: map[string]Answer{"Get-InboundConnector": {Records: make([]json.RawMessage, 2)}}}
	s := newService(t)
	s.cmdlets["Get-InboundConnector"] = reply(200,
		`{"value":[{"Name":"a","SenderDomains":["*"]}],"@adminapi.warnings":["something unknown"]}`)
	c, _ := s.client()
	read := c.Read(t.Context(), s.secretTenant(t), before)
	if f := read.Failures["Get-InboundConnector"]; f == nil || f.Reason != Truncated {
		t.Errorf("fewer records with a warning: %v, want truncated", f)
	}
	if read := c.Read(t.Context(), s.secretTenant(t), &Answers{}); !read.OK() {
		t.Errorf("a warning alone: %v", read.Failures)
	}
	s.cmdlets["Get-AcceptedDomain"] = list()
	if read := c.Read(t.Context(), s.secretTenant(t), &Answers{}); read.OK() {
		t.Error("a tenant without any accepted domain is taken for complete")
	}
}

func TestUntrustedCertificateNamesTheRemedy(t *testing.T) {
	s := newService(t)
	c := NewClient(NewHTTPClient(x509.NewCertPool()))
	c.sleep = func(context.Context, time.Duration) error { t.Error("retried"); return nil }
	read := c.Read(t.Context(), s.secretTenant(t), &Answers{})
	f := read.Failures["Get-AcceptedDomain"]
	if f == nil || f.Reason != Unreachable || !strings.Contains(f.Message, "ca_file") {
		t.Errorf("got %v", f)
	}
}

func TestRegionalHost(t *testing.T) {
	for _, c := range []struct{ base, location, want string }{
		{"https://outlook.office365.com", "https://eurprd01.psh.outlook.com/x", "https://eurprd01.outlook.office365.com"},
		{"https://outlook.office365.com", "https://outlook.office365.com/x", ""},
		{"https://outlook.office365.com", "https://evil_host.com/x", ""},
		{"https://outlook.office365.com", "https://a%2fb.example/x", ""},
		{"https://outlook.office365.com", "", ""},
		{"https://outlook.office365.com", "https://127.0.0.1/x", "https://127.outlook.office365.com"},
		{"https://127.0.0.1:1", "https://eur.example/x", ""},
		{"https://proxy:1", "https://eur.example/x", ""},
	} {
		if got := regionalBase(c.base, c.location); got != c.want {
			t.Errorf("regionalBase(%q, %q) = %q, want %q", c.base, c.location, got, c.want)
		}
	}
}

// TestRegionThatCannotBeReached: the configured host then serves the tenant.
func TestRegionThatCannotBeReached(t *testing.T) {
	s := newService(t)
	c, _ := s.client()
	session := c.session(s.secretTenant(t))
	session.base = "https://127.0.0.1:1"
	body := command("Get-AcceptedDomain", nil)
	if _, f := session.post(t.Context(), beta+"x/InvokeCommand", "Get-AcceptedDomain", body); f != nil {
		t.Error(f)
	}
}

func TestBatchForDomains(t *testing.T) {
	s := newService(t)
	s.batch = func(w http.ResponseWriter, r *http.Request) {
		var b struct{ Requests []batchRequest }
		_ = json.NewDecoder(r.Body).Decode(&b)
		var responses []string
		for _, q := range b.Requests {
			responses = append(responses, fmt.Sprintf(`{"id":%q,"status":200,"body":{"value":[{"Status":"Enabled"}]}}`, q.ID))
		}
		_, _ = io.WriteString(w, `{"responses":[`+strings.Join(responses, ",")+`]}`)
	}
	read, _ := s.read(t)
	for _, name := range []string{"Get-IPv6StatusForAcceptedDomain", "Get-OutboundConnectorReport"} {
		got := read.Answers[name].Records
		if len(got) != 1 || string(got[0]) != `{"Domain":"contoso.com","Status":"Enabled"}` {
			t.Errorf("%s: %s; %v", name, got, read.Failures[name])
		}
	}
}

func TestBatchAnswers(t *testing.T) {
	domains := []string{"a.example", "b.example"}
	one := func(id, status, body string) string {
		return `{"id":"` + id + `","status":` + status + `,"body":` + body + `}`
	}
	const good = `{"value":[{"Status":"Enabled"}]}`
	for _, c := range []struct {
		name    string
		answers []string // one for each request
		records int
		want    Reason // empty: success
	}{
		{"a domain without the feature", []string{one("0", "200", good) + "," + one("1", "400", exception("x"))}, 1, ""},
		{"no domain has it", []string{one("0", "400", "{}") + "," + one("1", "400", "{}")}, 0, Malformed},
		{"the role lacks it", []string{one("0", "200", good) + "," + one("1", "403", "null")}, 0, RoleMissing},
		{"one throttled, then not", []string{
			one("0", "200", good) + "," + one("1", "429", "null"), one("1", "200", good),
		}, 2, ""},
		{"one missing for ever", []string{one("0", "200", good)}, 0, Throttled},
		{"ids that were not asked for", []string{one("7", "200", good) + "," + one("x", "200", good)}, 0, Throttled},
		{"truncated", []string{
			one("0", "200", `{"value":[],"@odata.nextLink":"x"}`) + "," + one("1", "200", good),
		}, 0, Truncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			requests := 0
			s.batch = func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"responses":[`+c.answers[min(requests, len(c.answers)-1)]+`]}`)
				requests++
			}
			client, _ := s.client()
			session, cmdlet := client.session(s.secretTenant(t)), Cmdlet{Name: "x", domain: "Domain"}
			list, f := session.invokeForDomains(t.Context(), cmdlet, domains)
			if len(list) != c.records || (f == nil) != (c.want == "") || f != nil && f.Reason != c.want {
				t.Errorf("%d records, %v; want %d, %s", len(list), f, c.records, c.want)
			}
		})
	}
}

// TestSlowBody: a body that does not end is given up when the time for one request is over.
func TestSlowBody(t *testing.T) {
	s := newService(t)
	end := make(chan struct{})
	s.cmdlets["Get-AcceptedDomain"] = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"value":[`)
		w.(http.Flusher).Flush()
		<-end
	}
	defer close(end)
	c, _ := s.client()
	c.timeout = 50 * time.Millisecond
	read := c.Read(t.Context(), s.secretTenant(t), &Answers{})
	f := read.Failures["Get-AcceptedDomain"]
	if f == nil || f.Reason != Unreachable || !strings.Contains(f.Message, "in time") {
		t.Errorf("got %v", f)
	}
}

func FuzzParseAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"value":[{"Name":"a"}],"@adminapi.warnings":[],"@odata.nextLink":"https://x"}`, `{"value":{}}`, `[]`, "\x00",
		exception("a.CommandNotFoundException"), `{"value":null}`, `{"@odata.context":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_ = parseError(body)
		a, err := parseAnswer(body)
		if err != nil && len(a.records) > 0 {
			t.Error("records of an answer that is refused")
		}
		for _, r := range a.records {
			if !isObject(r) || !json.Valid(r) {
				t.Errorf("a record that is no object: %q", r)
			}
			if !json.Valid(withDomain(r, "contoso.com")) {
				t.Errorf("not JSON with a domain: %q", r)
			}
		}
		answers := Answers{All: map[string]Answer{"Get-AcceptedDomain": {Records: a.records}}}
		if !json.Valid(answers.Document()) {
			t.Error("the document is not JSON")
		}
		_, _ = parseDocument(body)
	})
}
