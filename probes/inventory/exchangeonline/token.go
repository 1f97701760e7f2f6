package exchangeonline

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// token is an access token, with the claims that are used.
type token struct {
	text  string
	ID    string   `json:"tid"` // of the tenant
	Roles []string `json:"roles"`
}

// permission is the application permission that the tenant must grant, and that the token must contain.
const permission = "Exchange.ManageAsApp"

// token gets a token from Entra ID.
func (s *session) token(ctx context.Context) (token, *Failure) {
	for tries := 0; ; tries++ {
		entra := &entraClient{session: s, host: hostOf(s.tenant.authority())}
		text, err := entra.acquire(ctx)
		if err == nil {
			return s.checkToken(text)
		}
		f, wait := entra.judge(err)
		if wait == 0 || tries+1 == maxTries || !s.budget.pause(ctx, wait) {
			return token{}, f
		}
	}
}

// checkToken reads the claims of a token. It does not verify them, which is up to Exchange Online. A token that is not
// a JWT has no claims.
func (s *session) checkToken(text string) (token, *Failure) {
	t := token{}
	if parts := strings.Split(text, "."); len(parts) == 3 {
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || json.Unmarshal(claims, &t) != nil {
			t = token{}
		}
	}
	t.text = text
	if IsGUID(t.ID) && IsGUID(s.tenant.ID) && !strings.EqualFold(t.ID, s.tenant.ID) {
		return token{}, failure(TokenRejected, "Microsoft Entra ID issued a token for another tenant than tenant_id")
	}
	return t, nil
}

// permitted reports whether the token contains the application permission, or its claims are unknown.
func (t *token) permitted() bool { return t.ID == "" || slices.Contains(t.Roles, permission) }

// entraClient is the HTTP client of MSAL for one attempt to get a token. It sends requests to the configured host only
// and bounds responses. It records the cause of a failure itself, because the errors of MSAL quote the response.
type entraClient struct {
	session *session
	host    string

	status int // of the last response
	header http.Header
	codes  []int // AADSTS error codes in it
	err    error // why there was no response
}

// acquire gets a token by MSAL.
func (e *entraClient) acquire(ctx context.Context) (string, error) {
	t := &e.session.tenant
	client, err := confidential.New(t.authority()+"/"+t.ID, t.ClientID, t.Credential.msal,
		confidential.WithHTTPClient(e), confidential.WithInstanceDiscovery(false))
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	result, err := client.AcquireTokenByCredential(ctx, []string{t.scope()})
	return result.AccessToken, err
}

// Do sends a request of MSAL.
func (e *entraClient) Do(r *http.Request) (*http.Response, error) {
	e.status, e.header, e.codes, e.err = 0, nil, nil, nil
	resp, err := e.do(r)
	e.err = err
	return resp, err
}

func (e *entraClient) do(r *http.Request) (*http.Response, error) {
	switch {
	case r.URL.Scheme != "https":
		return nil, errNotEncrypted
	case !strings.EqualFold(r.URL.Host, e.host):
		return nil, errForeignHost
	}
	resp, err := e.session.client.http.Do(r) //nolint:gosec // its host is the configured one
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := readBody(resp.Body, maxTokenBytes)
	if err != nil {
		return nil, err
	}
	e.status, e.header = resp.StatusCode, resp.Header
	var failed struct {
		Codes []int `json:"error_codes"`
	}
	if json.Unmarshal(body, &failed) == nil {
		e.codes = failed.Codes
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// CloseIdleConnections does nothing: connections are shared with other tenants.
func (e *entraClient) CloseIdleConnections() {}

// judge returns why there is no token, and how long to wait before another attempt may succeed; 0 if it cannot.
func (e *entraClient) judge(err error) (*Failure, time.Duration) {
	host, retry := e.host, firstWait
	switch {
	case e.err != nil:
		f := unreachable(host, e.err)
		if f.Reason != Unreachable || isCertificateError(e.err) {
			retry = 0
		}
		return f, retry
	case e.status == http.StatusTooManyRequests:
		return failure(Throttled, "%s: too many requests for tokens", host),
			retryAfter(e.header, e.session.client.now(), firstWait)
	case e.status >= 500:
		return failure(Unreachable, "%s answers with HTTP status %d", host, e.status),
			retryAfter(e.header, e.session.client.now(), firstWait)
	case len(e.codes) > 0:
		return judgeCodes(e.codes)
	case e.status >= 300 && e.status < 400:
		return failure(Unreachable, "%s redirects to another place, which is refused", host), 0
	case e.status >= 400:
		return failure(TokenRejected, "%s refuses a token with HTTP status %d", host, e.status), 0
	case errors.Is(err, context.DeadlineExceeded):
		return unreachable(host, err), 0
	default:
		return failure(Malformed, "%s: the answer is not that of Microsoft Entra ID", host), 0
	}
}
