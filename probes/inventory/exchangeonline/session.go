package exchangeonline

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client reads tenants. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	timeout time.Duration // of one request
	now     func() time.Time
	sleep   func(context.Context, time.Duration) error
}

// NewClient returns a Client that sends its requests with h, for example that of [NewHTTPClient].
func NewClient(h *http.Client) *Client {
	return &Client{h, requestTimeout, time.Now, sleep} //nolint:forbidigo // tests replace the clock
}

// session is one read of one tenant.
type session struct {
	client  *Client
	tenant  Tenant
	access  token
	base    string // URL of the service, in the tenant's region if that is known
	budget  budget
	timeout time.Duration // of one request
}

func (c *Client) session(t Tenant) *session {
	return &session{
		client: c, tenant: t, base: t.endpoint(), budget: budget{bytes: maxReadBytes, wait: maxWait, sleep: c.sleep},
		timeout: c.timeout,
	}
}

// organization returns the tenant for URLs of the service: its GUID, which is in the token.
func (s *session) organization() string {
	if IsGUID(s.access.ID) {
		return s.access.ID
	}
	return s.tenant.ID
}

// systemMailbox is the mailbox that determines the server for requests without a user.
const systemMailbox = "SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}"

// anchor returns the X-AnchorMailbox, which routes a request to the server of the tenant.
func (s *session) anchor() string { return "APP:" + systemMailbox + "@" + s.organization() }

// beta is the API that the PowerShell module uses.
const beta = "/adminapi/beta/"

// adminAPI returns the path of a method of the service for the tenant.
func (s *session) adminAPI(api, method string) string {
	return api + url.PathEscape(s.organization()) + "/" + method
}

// response is a response of Exchange Online.
type response struct {
	status int
	header http.Header
	body   []byte
}

// post sends JSON to a path of the service or to a URL, and repeats the request after transient failures. A response
// with another status than 200 is returned together with the Failure.
func (s *session) post(ctx context.Context, to, cmdlet string, body []byte) (response, *Failure) {
	for tries := 0; ; tries++ {
		address := to
		if strings.HasPrefix(to, "/") {
			address = s.base + to
		}
		r, err := s.send(ctx, http.MethodPost, address, cmdlet, body)
		if err != nil && address != to && s.base != s.tenant.endpoint() {
			s.base = s.tenant.endpoint() // the region's host cannot be reached from here
			continue
		}
		f, wait := s.judge(address, r, err, backoff(tries))
		if f == nil {
			return r, nil
		}
		if wait == 0 || tries+1 == maxTries || !s.budget.pause(ctx, wait) {
			return r, f
		}
	}
}

// send sends one request.
func (s *session) send(ctx context.Context, method, address, cmdlet string, body []byte) (response, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return response{}, errForeignHost // an address that a peer has sent
	}
	if req.URL.Scheme != "https" {
		return response{}, errNotEncrypted
	}
	req.Header.Set("Authorization", "Bearer "+s.access.text)
	req.Header.Set("X-AnchorMailbox", s.anchor())
	req.Header.Set("X-ResponseFormat", "json")
	req.Header.Set("Prefer", "odata.maxpagesize=1000")
	req.Header.Set("client-request-id", newRequestID())
	if body != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if cmdlet != "" {
		req.Header.Set("X-CmdletName", cmdlet)
	}
	resp, err := s.client.http.Do(req)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := readBody(resp.Body, s.budget.bytes)
	s.budget.bytes = max(0, s.budget.bytes-int64(len(data)))
	return response{resp.StatusCode, resp.Header, data}, err
}

// judge returns why a request failed, nil if it succeeded, and how long to wait before it may succeed; 0 if it cannot.
func (s *session) judge(address string, r response, err error, standard time.Duration) (*Failure, time.Duration) {
	host := hostOf(address)
	if err != nil {
		f := unreachable(host, err)
		if f.Reason != Unreachable || isCertificateError(err) {
			standard = 0
		}
		return f, standard
	}
	switch {
	case r.status == http.StatusOK:
		return nil, 0
	case r.status >= 500:
		return failure(Unreachable, "%s answers with HTTP status %d", host, r.status),
			retryAfter(r.header, s.client.now(), standard)
	default:
		return s.judgeStatus(host, r.status, r.body), s.throttleWait(r, standard)
	}
}

// throttleWait returns how long to wait after status 429, 0 after any other status.
func (s *session) throttleWait(r response, standard time.Duration) time.Duration {
	if r.status != http.StatusTooManyRequests {
		return 0
	}
	return retryAfter(r.header, s.client.now(), standard)
}

// judgeStatus returns the failure for a status.
func (s *session) judgeStatus(host string, status int, body []byte) *Failure {
	switch {
	case status == http.StatusTooManyRequests:
		return failure(Throttled, "%s refuses more requests (HTTP status 429)", host)
	case status >= 500:
		return failure(Unreachable, "%s answers with HTTP status %d", host, status)
	case status == http.StatusUnauthorized && s.access.permitted() && s.access.ID != "":
		return failure(TokenRejected, "%s refuses the token (HTTP status 401)", host)
	case status == http.StatusUnauthorized:
		return failure(ConsentMissing, "%s refuses the token (HTTP status 401): the application permission %s is not "+
			"granted in the tenant", host, permission)
	case status == http.StatusForbidden:
		return failure(RoleMissing, "%s refuses the cmdlet (HTTP status 403): the application has no Microsoft Entra role "+
			"that allows it", host)
	case status == http.StatusBadRequest:
		return judgeException(parseError(body))
	case status >= 300 && status < 400:
		return failure(Unreachable, "%s redirects to another place, which is refused", host)
	default:
		return failure(Unreachable, "%s answers with HTTP status %d", host, status)
	}
}

// judgeException returns the failure for the exception of a cmdlet.
func judgeException(name string) *Failure {
	switch name {
	case "":
		return failure(Malformed, "Exchange Online refuses the request (HTTP status 400)")
	case commandNotFound, "UnauthorizedAccessException":
		return failure(RoleMissing, "Exchange Online does not offer the cmdlet to the application (%s): its role does not "+
			"include it", name)
	case "OverBudgetException", "ServerBusyException":
		return failure(Throttled, "Exchange Online refuses more requests (%s)", name)
	default:
		return failure(Malformed, "Exchange Online refuses the request (%s)", name)
	}
}

// newRequestID returns a random GUID, by which Microsoft's support can find a request.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// command returns the body of InvokeCommand. Parameters must not be null in it.
func command(cmdlet string, parameters map[string]any) []byte {
	type input struct {
		CmdletName string
		Parameters map[string]any
	}
	if parameters == nil {
		parameters = map[string]any{}
	}
	body, err := json.Marshal(struct{ CmdletInput input }{input{cmdlet, parameters}})
	if err != nil {
		panic(err) // parameters are texts and booleans of this package
	}
	return body
}

// sameHost reports whether a URL that a peer has sent has the same host as base, and uses https.
func sameHost(address, base string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.User == nil && strings.EqualFold(u.Host, hostOf(base))
}
