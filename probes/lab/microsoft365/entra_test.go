package microsoft365_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab/microsoft365"
)

// aadsts returns the code and the error of a refusal.
func aadsts(t *testing.T, r reply) (code int, kind string) {
	t.Helper()
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
		Timestamp   string `json:"timestamp"`
		TraceID     string `json:"trace_id"`
		Correlation string `json:"correlation_id"`
		URI         string `json:"error_uri"`
	}
	if err := json.Unmarshal(r.body, &e); err != nil || len(e.Codes) != 1 {
		t.Fatalf("%d %s %v", r.status, r.body, err)
	}
	if !strings.HasPrefix(e.Description, fmt.Sprintf("AADSTS%d: ", e.Codes[0])) ||
		!strings.Contains(e.Description, "\r\nTrace ID: "+e.TraceID) || e.Correlation == "" || e.URI == "" {
		t.Errorf("incomplete: %s", r.body)
	}
	if strings.Contains(e.Description, "%[") {
		t.Errorf("unfinished text: %s", e.Description)
	}
	if _, err := time.Parse("2006-01-02 15:04:05Z", e.Timestamp); err != nil {
		t.Error(err)
	}
	return e.Codes[0], e.Error
}

func TestOpenIDConfigurationNamesTheTokenEndpointByTenantID(t *testing.T) {
	w := start(t)
	for _, name := range []string{tenantID, strings.ToUpper(tenantID), domain} {
		r := w.do(http.MethodGet, w.base+"/"+name+"/v2.0/.well-known/openid-configuration", nil, "")
		var c struct {
			TokenEndpoint string `json:"token_endpoint"`
			Issuer        string `json:"issuer"`
		}
		if err := json.Unmarshal(r.body, &c); err != nil {
			t.Fatal(err)
		}
		if c.TokenEndpoint != w.base+"/"+tenantID+"/oauth2/v2.0/token" || c.Issuer != w.base+"/"+tenantID+"/v2.0" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	unknown := w.do(http.MethodGet, w.base+"/nobody.onmicrosoft.com/v2.0/.well-known/openid-configuration", nil, "")
	if code, _ := aadsts(t, unknown); code != 90002 || unknown.status != http.StatusBadRequest {
		t.Errorf("unknown tenant: %d, AADSTS%d", unknown.status, code)
	}
}

func TestTokenWithASecret(t *testing.T) {
	w := start(t)
	w.update(func(t *microsoft365.Tenant) {
		t.Apps[0].Secrets = append(t.Apps[0].Secrets, microsoft365.Secret{Value: "old", Expires: now.Add(-time.Second)},
			microsoft365.Secret{Value: "renewed", Expires: now.Add(time.Second)})
	})
	for name, c := range map[string]struct {
		tenant string
		form   form
		code   int
		kind   string
		status int
	}{
		"secret":                   {tenantID, nil, 0, "", 200},
		"by domain":                {domain, nil, 0, "", 200},
		"secret that will expire":  {tenantID, form{"client_secret": "renewed"}, 0, "", 200},
		"scopes of OpenID Connect": {tenantID, form{"scope": "openid offline_access profile " + scope}, 0, "", 200},
		"wrong secret":             {tenantID, form{"client_secret": "wrong"}, 7000215, "invalid_client", 401},
		"expired secret":           {tenantID, form{"client_secret": "old"}, 7000222, "invalid_client", 401},
		"unknown application":      {tenantID, form{"client_id": tenantID}, 700016, "unauthorized_client", 400},
		"unknown tenant":           {"fabrikam.onmicrosoft.com", nil, 90002, "invalid_request", 400},
		"no secret":                {tenantID, form{"client_secret": ""}, 900144, "invalid_request", 400},
		"no application":           {tenantID, form{"client_id": ""}, 900144, "invalid_request", 400},
		"secret and assertion":     {tenantID, form{"client_assertion": "a.b.c"}, 900144, "invalid_request", 400},
		"scope of another service": {
			tenantID, form{"scope": "https://graph.microsoft.com/.default"}, 70011, "invalid_scope", 400,
		},
		"scope without .default": {tenantID, form{"scope": "https://outlook.office365.com"}, 70011, "invalid_scope", 400},
		"another grant": {
			tenantID, form{"grant_type": "password"}, 70003, "unsupported_grant_type", 400,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.tokenReply(c.tenant, c.form)
			if r.status != c.status {
				t.Fatalf("status %d, want %d: %s", r.status, c.status, r.body)
			}
			if c.code == 0 {
				var token struct {
					Type    string `json:"token_type"`
					Expires int    `json:"expires_in"`
					Token   string `json:"access_token"`
				}
				if err := json.Unmarshal(r.body, &token); err != nil || token.Type != "Bearer" || token.Expires != 3599 ||
					!slices.Contains(w.server.Sensitive(), token.Token) {
					t.Errorf("%s %v", r.body, err)
				}
				return
			}
			if code, kind := aadsts(t, r); code != c.code || kind != c.kind {
				t.Errorf("AADSTS%d %s, want AADSTS%d %s", code, kind, c.code, c.kind)
			}
		})
	}
}

// claimsOf are the claims of a correct assertion.
func (w *world) claims() map[string]any {
	return map[string]any{
		"aud": w.base + "/" + tenantID + "/oauth2/v2.0/token", "iss": appID, "sub": appID,
		"jti": "0f8fad5b-d9cb-469f-a165-70867728950e", "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
}

func (w *world) header(encoding *base64.Encoding) map[string]any {
	sum := sha256.Sum256(w.der)
	return map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": encoding.EncodeToString(sum[:])}
}

// assertion signs a header and claims with a salt as long as the hash.
func (w *world) assertion(header, claims map[string]any, saltLength int) string {
	var parts [2]string
	for i, part := range []any{header, claims} {
		text, err := json.Marshal(part)
		if err != nil {
			w.t.Fatal(err)
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(text)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := rsa.SignPSS(rand.Reader, w.key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: saltLength})
	if err != nil {
		w.t.Fatal(err)
	}
	return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestTokenWithAnAssertion(t *testing.T) {
	w := start(t)
	const salt = rsa.PSSSaltLengthEqualsHash
	with := func(name string, value any) string {
		claims := w.claims()
		claims[name] = value
		return w.assertion(w.header(base64.StdEncoding), claims, salt)
	}
	withHeader := func(name string, value any) string {
		header := w.header(base64.StdEncoding)
		header[name] = value
		return w.assertion(header, w.claims(), salt)
	}
	good := with("jti", "7c9e6679-7425-40de-944b-e07fc1f90ae7")
	parts := strings.Split(good, ".")
	other := strings.Split(with("exp", now.Add(time.Minute).Unix()), ".")
	for name, c := range map[string]struct {
		assertion string
		code      int
	}{
		"x5t#S256 in standard base64": {good, 0},
		"x5t#S256 in base64url":       {w.assertion(w.header(base64.RawURLEncoding), w.claims(), salt), 0},
		"x5t#S256 in padded base64url": {
			w.assertion(w.header(base64.URLEncoding), w.claims(), salt), 0,
		},
		"audience with the domain":  {with("aud", w.base+"/"+domain+"/oauth2/v2.0/token"), 0},
		"clock four minutes ahead":  {with("nbf", now.Add(4*time.Minute).Unix()), 0},
		"clock six minutes ahead":   {with("nbf", now.Add(6*time.Minute).Unix()), 700024},
		"expired":                   {w.assertion(w.header(base64.StdEncoding), shifted(w, -time.Hour), salt), 700024},
		"audience of another host":  {with("aud", "https://login.example/"+tenantID+"/oauth2/v2.0/token"), 700023},
		"issuer is another client":  {with("iss", tenantID), 50027},
		"subject is another client": {with("sub", tenantID), 50027},
		"no jti":                    {with("jti", ""), 50027},
		"no nbf":                    {with("nbf", 0), 50027},
		"valid for an hour":         {with("exp", now.Add(time.Hour).Unix()), 50027},
		"RS256":                     {withHeader("alg", "RS256"), 50027},
		"no typ":                    {withHeader("typ", ""), 50027},
		"no fingerprint":            {withHeader("x5t#S256", ""), 50027},
		"fingerprint of a certificate that is not registered": {
			withHeader("x5t#S256", base64.StdEncoding.EncodeToString(make([]byte, 32))), 700027,
		},
		"salt of another length":         {w.assertion(w.header(base64.StdEncoding), w.claims(), 20), 700027},
		"signature of another assertion": {parts[0] + "." + parts[1] + "." + other[2], 700027},
		"two parts":                      {parts[0] + "." + parts[1], 50027},
		"not base64":                     {"*." + parts[1] + "." + parts[2], 50027},
		"not JSON":                       {"YQ." + parts[1] + "." + parts[2], 50027},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.tokenReply(tenantID, form{
				"client_secret": "", "client_assertion": c.assertion,
				"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
			})
			if c.code == 0 {
				if r.status != http.StatusOK {
					t.Errorf("%d %s", r.status, r.body)
				}
				return
			}
			if code, _ := aadsts(t, r); code != c.code || r.status != http.StatusUnauthorized {
				t.Errorf("%d, AADSTS%d, want AADSTS%d: %s", r.status, code, c.code, r.body)
			}
		})
	}
	r := w.tokenReply(tenantID, form{"client_secret": "", "client_assertion": good})
	if r.status != http.StatusBadRequest {
		t.Errorf("without client_assertion_type: %d", r.status)
	}
}

func shifted(w *world, by time.Duration) map[string]any {
	claims := w.claims()
	claims["nbf"], claims["exp"] = now.Add(by).Unix(), now.Add(by+10*time.Minute).Unix()
	return claims
}

func TestEveryRefusal(t *testing.T) {
	w := start(t)
	for _, code := range []int{700016, 700027, 7000215, 7000222, 90002, 65001, 53003, 700024, 123456} {
		w.server.InjectFault(domain, microsoft365.Token, microsoft365.Refused(code))
		r := w.tokenReply(tenantID, nil)
		if got, kind := aadsts(t, r); got != code || kind == "" || r.status < 400 {
			t.Errorf("%d: %d %s", code, r.status, r.body)
		}
	}
	w.server.InjectFault(tenantID, microsoft365.Token, microsoft365.Times(2, microsoft365.Refused(700027)))
	var statuses []int
	for range 3 {
		statuses = append(statuses, w.tokenReply(tenantID, nil).status)
	}
	if want := []int{401, 401, 200}; !slices.Equal(statuses, want) {
		t.Errorf("transient refusal: %v, want %v", statuses, want)
	}
}
