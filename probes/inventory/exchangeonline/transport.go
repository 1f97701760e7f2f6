package exchangeonline

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Bounds of one request and of one read of a tenant.
const (
	requestTimeout = 90 * time.Second // from the first byte sent to the last one received
	maxTokenBytes  = 1 << 20          // of a response of Entra ID
	maxReadBytes   = 32 << 20         // of all responses of one read, after decompression
)

var (
	errTooLarge     = errors.New("the answer is larger than is read")
	errForeignHost  = errors.New("a request to another host than the configured one")
	errNotEncrypted = errors.New("a request that is not https")
)

// NewHTTPClient returns the HTTP client for all requests. It uses the proxy of HTTPS_PROXY and NO_PROXY and trusts
// roots; nil means the system's. It follows no redirects.
func NewHTTPClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
			MaxIdleConnsPerHost:    4,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// readBody reads a body of at most limit bytes.
func readBody(body io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooLarge
	}
	return data, err
}

// isCertificateError reports whether a server, or a proxy that intercepts TLS, has presented an untrusted certificate.
func isCertificateError(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// unreachable returns the failure of a request without a response. It names the host, but never contains the error of a
// library, which could quote the request.
func unreachable(host string, err error) *Failure {
	switch {
	case isCertificateError(err):
		return failure(Unreachable, "%s: the certificate is not trusted; if a proxy intercepts TLS, set ca_file to its "+
			"authority", host)
	case errors.Is(err, context.DeadlineExceeded):
		return failure(Unreachable, "%s: no complete answer in time", host)
	case errors.Is(err, errTooLarge):
		return failure(Malformed, "%s: the answers are larger than the %d MB that are read", host, maxReadBytes>>20)
	case errors.Is(err, errForeignHost), errors.Is(err, errNotEncrypted):
		return failure(Malformed, "%s: it refers to another host, or to one without TLS; refused", host)
	default:
		return failure(Unreachable, "%s cannot be reached", host)
	}
}

// hostOf returns the host and port of a URL.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
