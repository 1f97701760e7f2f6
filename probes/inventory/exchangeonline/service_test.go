package exchangeonline

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testTenant = "11111111-2222-3333-4444-555555555555"
	testClient = "99999999-8888-7777-6666-555555555555"
	testSecret = "s3cret~Value.that-must_not.leak"
)

// service is a small Entra ID and Exchange Online. Each field replaces one answer.
type service struct {
	*httptest.Server
	mu       sync.Mutex
	token    http.HandlerFunc            // of the token endpoint
	cmdlets  map[string]http.HandlerFunc // of InvokeCommand, by cmdlet
	batch    http.HandlerFunc
	module   http.HandlerFunc
	calls    []string // cmdlets in order
	bodies   []string // of requests for tokens
	requests int
}

// accessToken is a token with the claims of a granted application.
var accessToken = jwt(map[string]any{"tid": testTenant, "roles": []string{permission}})

func jwt(claims map[string]any) string {
	text, _ := json.Marshal(claims)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(text) + "." + encode([]byte("signature-that-must-not-leak"))
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{cmdlets: map[string]http.HandlerFunc{
		"Get-AcceptedDomain":    list(`{"DomainName":"contoso.com","DomainType":"Authoritative","Default":true}`),
		"Get-InboundConnector":  list(`{"Name":"In","ConnectorType":"OnPremises","SenderDomains":["smtp:*;1"]}`),
		"Get-OutboundConnector": list(`{"Name":"Out","RecipientDomains":["contoso.com"],"SmartHosts":["mail.contoso.com"]}`),
	}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func list(records ...string) http.HandlerFunc {
	return reply(http.StatusOK, `{"value":[`+strings.Join(records, ",")+`],"@adminapi.warnings":[]}`)
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	s.mu.Lock()
	s.requests++
	s.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		tenant := strings.Split(r.URL.Path, "/")[1]
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q}`,
			s.URL+"/"+tenant+"/v2.0", s.URL+"/"+tenant+"/authorize", s.URL+"/"+tenant+"/oauth2/v2.0/token")
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		s.serveToken(w, r, string(body))
	case strings.HasSuffix(r.URL.Path, "/EXOModuleFile"):
		s.or(s.module, reply(http.StatusOK, "{}"))(w, r)
	case strings.HasSuffix(r.URL.Path, "/$batch"):
		s.or(s.batch, reply(http.StatusNotFound, ""))(w, r)
	default:
		s.invoke(w, r, body)
	}
}

func (s *service) or(h, standard http.HandlerFunc) http.HandlerFunc {
	if h != nil {
		return h
	}
	return standard
}

func (s *service) serveToken(w http.ResponseWriter, r *http.Request, body string) {
	s.mu.Lock()
	s.bodies = append(s.bodies, body)
	s.mu.Unlock()
	s.or(s.token, reply(http.StatusOK, `{"token_type":"Bearer","expires_in":3599,"access_token":"`+accessToken+`"}`))(w, r)
}

func (s *service) invoke(w http.ResponseWriter, r *http.Request, body []byte) {
	var c struct{ CmdletInput struct{ CmdletName string } }
	_ = json.Unmarshal(body, &c)
	name := c.CmdletInput.CmdletName
	s.mu.Lock()
	s.calls = append(s.calls, name)
	s.mu.Unlock()
	s.or(s.cmdlets[name], reply(http.StatusForbidden, strings.Repeat("\x00", 4096)))(w, r)
}

// secretTenant is a tenant of the service with a secret.
func (s *service) secretTenant(t *testing.T) Tenant {
	t.Helper()
	c, err := NewSecret(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return Tenant{
		Name: "contoso", ID: testTenant, ClientID: testClient, Authority: s.URL, Endpoint: s.URL, Credential: c,
	}
}

// client returns a client that trusts the service, and the waits that it would have made.
func (s *service) client() (*Client, *[]time.Duration) {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := NewClient(NewHTTPClient(roots))
	waits := new([]time.Duration)
	c.sleep = func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	}
	return c, waits
}

func (s *service) read(t *testing.T) (Read, []time.Duration) {
	t.Helper()
	c, waits := s.client()
	return c.Read(t.Context(), s.secretTenant(t), &Answers{}), *waits
}

// selfSigned returns a certificate of a key.
func selfSigned(t *testing.T, key *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}
