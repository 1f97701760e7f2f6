package lab

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"
)

// policyHost is where all domains of the world with an MTA-STS policy (RFC 8461) keep it: one HTTPS server on loopback,
// which knows the domain by the name that it is called.
type policyHost struct {
	policies map[string]string // by domain
	port     int
}

// policy gives a domain a policy with these MX hosts, which senders must enforce.
func (w *World) policy(domain string, mx ...string) {
	w.policies.policies[domain] = "version: STSv1\r\nmode: enforce\r\nmax_age: 604800\r\nmx: " +
		strings.Join(mx, "\r\nmx: ") + "\r\n"
	w.record("_mta-sts."+domain, "TXT", `"v=STSv1; id=20261130;"`)
	w.record("mta-sts."+domain, "A", "127.0.0.1")
}

// startPolicies serves the policies of all domains.
func (w *World) startPolicies() error {
	var names []string
	for domain := range w.policies.policies {
		names = append(names, "mta-sts."+domain)
	}
	certificate, err := w.leaf(-10, 80, nil, names...)
	if err != nil {
		return err
	}
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	w.policies.port = port(listener)
	server := &http.Server{
		Handler: &w.policies, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }() // ends with Close
	w.closers = append(w.closers, func() { _ = server.Close() })
	return nil
}

// ServeHTTP serves the policy of the domain that a request names.
func (h *policyHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	text, ok := h.policies[strings.TrimPrefix(host, "mta-sts.")]
	if !ok || r.URL.Path != "/.well-known/mta-sts.txt" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = fmt.Fprint(w, text)
}

// PolicyPort returns the port of the host of MTA-STS policies, which is not 443 as it should be: that needs root.
func (w *World) PolicyPort() int { return w.policies.port }
