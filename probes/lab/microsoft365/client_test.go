package microsoft365_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/lab/microsoft365"
)

// The tenant and application of the tests.
const (
	tenantID = "6f2c9b1e-0000-4000-8000-00000000c0de"
	domain   = "contoso.onmicrosoft.com"
	appID    = "11111111-2222-4333-8444-555555555555"
	secret   = "not-a-real-secret~1"
	scope    = "https://outlook.office365.com/.default"
)

// world is a server with one tenant and a plain HTTP client, which shares nothing with the exporter's.
type world struct {
	t      *testing.T
	server *microsoft365.Server
	http   *http.Client
	base   string
	key    *rsa.PrivateKey // of the application's certificate
	der    []byte
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the time of the server.
var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func start(t *testing.T) *world {
	t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue := func(l lab.Leaf) tls.Certificate {
		l.NotBefore, l.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		c, err := ca.Issue(l)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	app := issue(lab.Leaf{CommonName: "Connector exporter", SelfSigned: true, RSABits: 2048})
	w := &world{t: t, key: app.PrivateKey.(*rsa.PrivateKey), der: app.Certificate[0]}
	w.server, err = microsoft365.Start(microsoft365.Options{
		Certificate: issue(lab.Leaf{Names: append(microsoft365.Hosts(), "localhost")}),
		Now:         func() time.Time { return now },
		Tenants: []microsoft365.Tenant{{ID: tenantID, Domain: domain, Apps: []microsoft365.App{{
			ID: appID, Secrets: []microsoft365.Secret{{Value: secret}}, Certificates: [][]byte{w.der},
			AppRole: true, DirectoryRole: true,
		}}, Records: map[string][]json.RawMessage{
			"Get-AcceptedDomain": {microsoft365.AcceptedDomain("contoso.com", microsoft365.Properties{"Default": true})},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.server.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.RootPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}}
	t.Cleanup(transport.CloseIdleConnections)
	w.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	w.base = w.server.URL()
	return w
}

// update changes the tenant.
func (w *world) update(change func(*microsoft365.Tenant)) {
	w.t.Helper()
	if err := w.server.Update(tenantID, change); err != nil {
		w.t.Fatal(err)
	}
}

// reply is a response that was read.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of the body
}

func (w *world) do(method, address string, header http.Header, body string) reply {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header = header
	response, err := w.http.Do(request)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	r := reply{status: response.StatusCode, header: response.Header}
	r.body, r.err = io.ReadAll(response.Body)
	return r
}

// form is a request for a token.
type form map[string]string

func (w *world) tokenReply(tenant string, change form) reply {
	w.t.Helper()
	values := url.Values{}
	for name, value := range map[string]string{
		"client_id": appID, "scope": scope, "grant_type": "client_credentials", "client_secret": secret,
	} {
		values.Set(name, value)
	}
	for name, value := range change {
		if values.Set(name, value); value == "" {
			values.Del(name)
		}
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return w.do(http.MethodPost, w.base+"/"+tenant+"/oauth2/v2.0/token", header, values.Encode())
}

// token returns an access token.
func (w *world) token() string {
	w.t.Helper()
	r := w.tokenReply(tenantID, nil)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(r.body, &answer); err != nil || r.status != http.StatusOK {
		w.t.Fatalf("token: %d %s %v", r.status, r.body, err)
	}
	return answer.AccessToken
}

// adminHeader returns the headers that public clients send.
func adminHeader(token string) http.Header {
	h := http.Header{}
	h.Set("Authorization", "Bearer "+token)
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-AnchorMailbox", "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@"+tenantID)
	h.Set("Prefer", "odata.maxpagesize=1000")
	h.Set("X-ResponseFormat", "json")
	h.Set("Client-Request-Id", "0f8fad5b-d9cb-469f-a165-70867728950e")
	return h
}

func body(cmdlet, parameters string) string {
	return `{"CmdletInput":{"CmdletName":"` + cmdlet + `","Parameters":` + parameters + `}}`
}

func (w *world) invoke(token, query, cmdlet, parameters string) reply {
	w.t.Helper()
	address := w.base + "/adminapi/beta/" + tenantID + "/InvokeCommand" + query
	return w.do(http.MethodPost, address, adminHeader(token), body(cmdlet, parameters))
}

// answer is the answer of a cmdlet.
type answer struct {
	Value    []map[string]any `json:"value"`
	Warnings []string         `json:"@adminapi.warnings"`
	NextLink string           `json:"@odata.nextLink"`
}

func (w *world) answer(r reply) answer {
	w.t.Helper()
	var a answer
	if err := json.Unmarshal(r.body, &a); err != nil || r.status != http.StatusOK {
		w.t.Fatalf("%d %.300s %v", r.status, r.body, err)
	}
	if !bytes.Contains(r.body, []byte(`"@adminapi.warnings":[`)) {
		w.t.Fatalf("no warnings in %.300s", r.body)
	}
	return a
}

// failure is the text inside an error envelope, with its exception.
func failure(t *testing.T, r reply) (exception, message string) {
	t.Helper()
	var envelope struct {
		Error struct {
			Message    string `json:"message"`
			InnerError struct {
				Internal struct {
					Message string `json:"message"`
					Type    string `json:"type"`
				} `json:"internalexception"`
			} `json:"innererror"`
			Details []struct {
				Message string `json:"message"`
			} `json:"details"`
		} `json:"error"`
	}
	if err := json.Unmarshal(r.body, &envelope); err != nil {
		t.Fatalf("%d %.300s %v", r.status, r.body, err)
	}
	e := envelope.Error
	if e.InnerError.Internal.Type != "" {
		return e.InnerError.Internal.Type, e.InnerError.Internal.Message
	}
	return "", e.Details[0].Message[strings.LastIndexByte(e.Details[0].Message, '|')+1:]
}
