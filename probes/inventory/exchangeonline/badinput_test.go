package exchangeonline

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// aadsts is an answer of Entra ID.
func aadsts(status, code int) http.HandlerFunc {
	return reply(status, fmt.Sprintf(`{"error":"invalid_client","error_description":"AADSTS%d: %s\r\nTrace ID: x",`+
		`"error_codes":[%d]}`, code, testSecret, code))
}

// inboundA is an inbound connector.
const inboundA = `{"Name":"a","SenderDomains":["*"]}`

// html is what a proxy answers.
const html = `<!DOCTYPE html><html><body>Please log in</body></html>`

// bodyOf writes a body of n bytes of JSON.
func bodyOf(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"value":["`)
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		for range n >> 20 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `"]}`)
	}
}

// gzipBomb is 100 MB that are sent as 100 kB.
func gzipBomb(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	defer func() { _ = z.Close() }()
	bodyOf(100<<20)(zipped{w, z}, r)
}

type zipped struct {
	http.ResponseWriter
	z io.Writer
}

func (w zipped) Write(p []byte) (int, error) { return w.z.Write(p) }

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) }
}

func throttle(after string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// TestBadInput: each failure of Entra ID and of a required cmdlet has a reason, keeps the bounds, and says nothing that
// a peer has sent.
func TestBadInput(t *testing.T) {
	depth := strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000)
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed to %s with Authorization %q", r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	for _, c := range []struct {
		name         string
		token, other http.HandlerFunc // of the token endpoint, of Get-InboundConnector
		want         Reason
	}{
		{"unknown tenant", aadsts(400, 90002), nil, TokenRejected},
		{"unknown application", aadsts(400, 700016), nil, ConsentMissing},
		{"no consent", aadsts(400, 65001), nil, ConsentMissing},
		{"wrong secret", aadsts(401, 7000215), nil, TokenRejected},
		{"expired secret", aadsts(401, 7000222), nil, TokenRejected},
		{"unknown certificate", aadsts(401, 700027), nil, TokenRejected},
		{"clock skew", aadsts(401, 700024), nil, TokenRejected},
		{"Conditional Access", aadsts(400, 53003), nil, TokenRejected},
		{"unknown code", aadsts(400, 1), nil, TokenRejected},
		{"token of another tenant", reply(200, `{"token_type":"Bearer","expires_in":3599,"access_token":"`+
			jwt(map[string]any{"tid": "22222222-2222-3333-4444-555555555555"})+`"}`), nil, TokenRejected},
		{"token endpoint throttles", throttle("7"), nil, Throttled},
		{"token endpoint fails", reply(503, ""), nil, Unreachable},
		{"token endpoint answers HTML", reply(200, html), nil, Malformed},
		{"token endpoint answers HTML with 403", reply(403, html), nil, TokenRejected},
		{"token endpoint redirects", redirect(elsewhere.URL), nil, Unreachable},
		{"token endpoint sends 100 MB", bodyOf(100 << 20), nil, Malformed},
		{"neither permission nor role", nil, reply(401, ""), TokenRejected},
		{"no role", nil, reply(403, strings.Repeat("\x00", 8192)), RoleMissing},
		{"cmdlet not in the role", nil, reply(400, exception("System.Management.CommandNotFoundException")), RoleMissing},
		{"exception", nil, reply(400, exception("Microsoft.Exchange.ParameterTransformationException")), Malformed},
		{"exception that repeats the token", nil, reply(400, exception(accessToken+"Exception")), Malformed},
		{"throttled", nil, throttle("7"), Throttled},
		{"throttled for a day", nil, throttle("86400"), Throttled},
		{"fails", nil, reply(500, ""), Unreachable},
		{"not found", nil, reply(404, html), Unreachable},
		{"redirects", nil, redirect(elsewhere.URL), Unreachable},
		{"HTML", nil, reply(200, html), Malformed},
		{"a proxy's JSON", nil, reply(200, `{"message":"blocked"}`), Malformed},
		{"nothing", nil, reply(200, ``), Malformed},
		{"NULs", nil, reply(200, strings.Repeat("\x00", 4096)), Malformed},
		{"an error with status 200", nil, reply(200, exception("x.y")), Malformed},
		{"a list", nil, reply(200, `[]`), Malformed},
		{"value is text", nil, reply(200, `{"value":"x"}`), Malformed},
		{"records are texts", nil, reply(200, `{"value":["x"]}`), Malformed},
		{"records of another kind", nil, list(`{"DomainName":"contoso.com","DomainType":"Authoritative"}`), Malformed},
		{"records without names", nil, list(`{"ConnectorType":"OnPremises","SenderDomains":["*"]}`), Malformed},
		{"records of one name", nil, list(inboundA, inboundA), Malformed},
		{"cut off", nil, reply(200, `{"value":[{"Name":"In"`), Malformed},
		{"depth bomb", nil, reply(200, `{"value":`+depth+`}`), Malformed},
		{"depth bomb in a record", nil, reply(200, `{"value":[{"Name":`+depth+`}]}`), Malformed},
		{"100 MB", nil, bodyOf(100 << 20), Malformed},
		{"gzip bomb", nil, gzipBomb, Malformed},
		{"a warning of more", nil, reply(200, `{"value":[],"@adminapi.warnings":["Mit ResultSize mehr"]}`), Truncated},
		{"next page on another host", nil, reply(200, `{"value":[],"@odata.nextLink":"`+elsewhere.URL+`/x"}`), Truncated},
		{"next page refused", nil, expiredPage, Truncated},
		{"pages without end", nil, endlessPages, Truncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			s.token = c.token
			if c.other != nil {
				s.cmdlets["Get-InboundConnector"] = c.other
			}
			read, waits := s.read(t)
			f := read.Failures["Get-InboundConnector"]
			if f == nil || f.Reason != c.want {
				t.Fatalf("got %v, want %s", f, c.want)
			}
			if read.OK() || f.Message == "" {
				t.Errorf("OK %v, message %q", read.OK(), f.Message)
			}
			for _, f := range read.Failures {
				checkNoSecret(t, f.Message)
			}
			total := time.Duration(0)
			for _, w := range waits {
				total += w
			}
			if total > maxWait {
				t.Errorf("waits %s, more than %s", total, maxWait)
			}
		})
	}
}

func checkNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{testSecret, accessToken, accessToken[len(accessToken)-20:], "must-not-leak"} {
		if strings.Contains(text, secret) {
			t.Errorf("a secret is in %q", text)
		}
	}
}

func exception(name string) string {
	text, _ := json.Marshal(name)
	return `{"error":{"code":"BadRequest","message":"` + testSecret + `","details":[{"code":"Client","message":"|x.y|` +
		testSecret + `"}],"innererror":{"internalexception":{"message":"` + accessToken + `","type":` + string(text) + `}}}}`
}

func expiredPage(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("skip") {
		reply(400, exception("Expired"))(w, r)
		return
	}
	reply(200, `{"value":[`+inboundA+`],"@odata.nextLink":"https://`+r.Host+r.URL.Path+`?skip=1"}`)(w, r)
}

func endlessPages(w http.ResponseWriter, r *http.Request) {
	reply(200, `{"value":[],"@odata.nextLink":"https://`+r.Host+r.URL.Path+`?skip=1"}`)(w, r)
}
