package certtest

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// CRLServer is an HTTP server of revocation lists and the PKI whose certificates name it: the intermediate names
// /root.crl, which revokes nothing, and Leaf names /inter.crl, which the test serves.
type CRLServer struct {
	PKI
	*httptest.Server
	LeafCert *Issued
	Requests atomic.Int64

	mu       sync.Mutex
	handlers map[string]http.HandlerFunc
}

// NewCRLServer starts a server on loopback that ends with the test.
func NewCRLServer(t testing.TB) *CRLServer {
	t.Helper()
	s := &CRLServer{PKI: New(t), handlers: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	s.Inter = Issue(t, s.Root, x509.Certificate{
		Subject: pkix.Name{CommonName: "Inter"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		CRLDistributionPoints: []string{s.URL + "/root.crl"},
	})
	s.LeafCert = s.LeafAt(t, s.URL+"/inter.crl")
	s.Serve("/root.crl", SignCRL(t, s.Root, nil))
	return s
}

func (s *CRLServer) serve(w http.ResponseWriter, r *http.Request) {
	s.Requests.Add(1)
	s.mu.Lock()
	handle := s.handlers[r.URL.Path]
	s.mu.Unlock()
	if handle == nil {
		handle = http.NotFound
	}
	handle(w, r)
}

// LeafAt makes a leaf that names other lists.
func (s *CRLServer) LeafAt(t testing.TB, points ...string) *Issued {
	t.Helper()
	return Issue(t, s.Inter, x509.Certificate{
		Subject: pkix.Name{CommonName: "leaf"}, DNSNames: []string{"mail.test"}, CRLDistributionPoints: points,
	})
}

// Chain is a leaf's verified chain.
func (s *CRLServer) Chain(leaf *Issued) []*x509.Certificate {
	return []*x509.Certificate{leaf.Cert, s.Inter.Cert, s.Root.Cert}
}

// Serve serves a list.
func (s *CRLServer) Serve(path string, der []byte) {
	s.Handle(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(der) })
}

// Handle serves a path by a function.
func (s *CRLServer) Handle(path string, handle http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[path] = handle
}

// SignCRL signs a list that revokes nothing and is in date for three days, or what change makes of it.
func SignCRL(t testing.TB, by *Issued, change func(*x509.RevocationList)) []byte {
	t.Helper()
	list := x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(72 * time.Hour),
	}
	if change != nil {
		change(&list)
	}
	der, err := x509.CreateRevocationList(rand.Reader, &list, by.Cert, by.Key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// Revoke is a change for [SignCRL] that revokes a certificate since 2026-03-01.
func Revoke(c *Issued, reason int) func(*x509.RevocationList) {
	return func(l *x509.RevocationList) {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: c.Cert.SerialNumber, RevocationTime: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), ReasonCode: reason,
		})
	}
}
