package microsoft365

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// tokenLifetime is Entra ID's default, a second less than it rounds to.
const tokenLifetime = 3599 * time.Second

// openIDConfiguration names the endpoints of a tenant. They have its ID, even where the request has its domain.
func (*Server) openIDConfiguration(w http.ResponseWriter, r *http.Request, t *Tenant) {
	base := "https://" + r.Host + "/" + strings.ToLower(t.ID)
	writeJSON(w, http.StatusOK, map[string]any{
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"issuer":                                base + "/v2.0",
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
	})
}

// token issues an access token for client credentials.
func (s *Server) token(w http.ResponseWriter, r *http.Request, t *Tenant) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		writeRefusal(w, refusal{code: missingParameter, detail: err.Error()})
		return
	}
	refused := refusal{tenant: r.PathValue("tenant"), client: r.PostForm.Get("client_id")}
	for _, name := range []string{"client_id", "scope", "grant_type"} {
		if r.PostForm.Get(name) == "" {
			refused.code, refused.detail = missingParameter, name
			writeRefusal(w, refused)
			return
		}
	}
	app := t.app(refused.client)
	host := audienceOf(t.Cloud, r.PostForm.Get("scope"))
	switch {
	case r.PostForm.Get("grant_type") != "client_credentials":
		refused.code = unsupportedGrant
	case app == nil:
		refused.code = appNotFound
	case host == "":
		refused.code, refused.detail = invalidScope, r.PostForm.Get("scope")
	default:
		refused.code, refused.detail = s.authenticate(r, t, app)
	}
	if refused.code != 0 {
		writeRefusal(w, refused)
		return
	}
	token := s.sign(claimsOf(t, app, host, s.now()))
	s.keep(token)
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": int(tokenLifetime / time.Second),
		"ext_expires_in": int(tokenLifetime / time.Second), "access_token": token,
	})
}

// audienceOf returns the host that a scope is for. Libraries add scopes of OpenID Connect, which Entra ID ignores.
func audienceOf(c Cloud, scope string) string {
	wanted := slices.DeleteFunc(strings.Fields(scope), func(s string) bool {
		return slices.Contains([]string{"openid", "profile", "offline_access", "email"}, s)
	})
	if len(wanted) != 1 {
		return ""
	}
	return c.audience(wanted[0])
}

// authenticate returns the AADSTS code and detail of why a client's secret or assertion is refused, 0 if it is not.
func (s *Server) authenticate(r *http.Request, t *Tenant, app *App) (code int, detail string) {
	secret, assertion := r.PostForm.Get("client_secret"), r.PostForm.Get("client_assertion")
	switch {
	case secret != "" && assertion != "":
		return missingParameter, "client_secret or client_assertion, not both"
	case secret != "":
		s.keep(secret)
		return app.acceptSecret(secret, s.now()), ""
	case assertion == "":
		return missingParameter, "client_assertion or client_secret"
	case r.PostForm.Get("client_assertion_type") != assertionType:
		return missingParameter, "client_assertion_type"
	}
	s.keep(assertion)
	audiences := []string{"https://" + r.Host + r.URL.Path}
	for _, name := range []string{strings.ToLower(t.ID), t.Domain} {
		audiences = append(audiences, "https://"+r.Host+"/"+name+"/oauth2/v2.0/token")
	}
	return app.acceptAssertion(assertion, audiences, s.now())
}

// acceptSecret returns the code of why a secret is refused, 0 if it is not.
func (a *App) acceptSecret(value string, now time.Time) int {
	code := secretInvalid
	for _, known := range a.Secrets {
		switch {
		case !hmac.Equal([]byte(known.Value), []byte(value)):
		case known.Expires.IsZero() || now.Before(known.Expires):
			return 0
		default:
			code = secretExpired
		}
	}
	return code
}

// claims are the claims of an access token. Roles and directory roles are those at the time of issue.
type claims struct {
	Audience      string   `json:"aud"` // "https://" and a host
	Issuer        string   `json:"iss"`
	Tenant        string   `json:"tid"`
	App           string   `json:"appid"`
	Roles         []string `json:"roles,omitempty"` // app roles
	DirectoryRole []string `json:"wids,omitempty"`  // template IDs of directory roles
	Expires       int64    `json:"exp"`
	IssuedAt      int64    `json:"iat"`
}

// appRole is the app role that the admin API requires; globalReader is the template ID of a sufficient directory role.
const (
	appRole      = "Exchange.ManageAsApp"
	globalReader = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
)

func claimsOf(t *Tenant, a *App, host string, now time.Time) claims {
	c := claims{
		Audience: "https://" + host, Issuer: "https://sts.windows.net/" + strings.ToLower(t.ID) + "/",
		Tenant: strings.ToLower(t.ID), App: a.ID, IssuedAt: now.Unix(), Expires: now.Add(tokenLifetime).Unix(),
	}
	if a.AppRole {
		c.Roles = []string{appRole}
	}
	if a.DirectoryRole {
		c.DirectoryRole = []string{globalReader}
	}
	return c
}

// sign returns an access token, a JWT as Entra ID's are. Clients must not look into it.
func (s *Server) sign(c claims) string {
	body, _ := json.Marshal(c) // text and numbers
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.mac(text))
}

func (s *Server) mac(text string) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// verify returns the claims of an access token that this server issued.
func (s *Server) verify(token string) (claims, bool) {
	var c claims
	at := strings.LastIndexByte(token, '.')
	if at < 0 {
		return c, false
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	if err != nil || !hmac.Equal(signature, s.mac(token[:at])) {
		return c, false
	}
	_, payload, _ := strings.Cut(token[:at], ".")
	body, err := base64.RawURLEncoding.DecodeString(payload)
	return c, err == nil && json.Unmarshal(body, &c) == nil
}
