//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Where the policy hosts of the DANE lab listen. The slow ones have an address of their own: the exporter has one
// connection to an address at a time. The port of policies is 443 (RFC 8461, section 3.3).
const (
	policyAddress     = "127.0.4.1"
	slowPolicyAddress = "127.0.4.2"
)

// policyDomain is a domain with an MTA-STS policy.
type policyDomain struct {
	name  string // the domain is NAME.dane.test
	mx    []string
	serve http.HandlerFunc // the policy
	leaf  leaf             // of the policy host; a name is added if it has none
	slow  bool
}

func (p *policyDomain) domain() string { return p.name + "." + daneZone }

// policy serves a policy with these MX patterns.
func policy(mode string, mx ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprintf(w, "version: STSv1\r\nmode: %s\r\nmax_age: 86400\r\n", mode)
		for _, pattern := range mx {
			_, _ = fmt.Fprintf(w, "mx: %s\r\n", pattern)
		}
	}
}

// policyDomains are those of the lab.
func policyDomains() []policyDomain {
	right := []string{"right"}
	return []policyDomain{
		{name: "sts-listed", mx: right, serve: policy("enforce", "mx-right."+daneZone)},
		{name: "sts-wildcard", mx: right, serve: policy("enforce", "*."+daneZone)},
		{name: "sts-second", mx: []string{"none", "right"}, serve: policy("enforce", "mx-right."+daneZone)},
		{name: "sts-unlisted", mx: right, serve: policy("enforce", "mx-other."+daneZone)},
		{name: "sts-self-signed-mx", mx: []string{"selfsigned"}, serve: policy("enforce", "*."+daneZone)},
		{name: "sts-plain-mx", mx: []string{"plain"}, serve: policy("enforce", "*."+daneZone)},
		{name: "sts-testing", mx: right, serve: policy("testing", "mx-other."+daneZone)},
		{name: "sts-none", mx: right, serve: policy("none")},
		{
			name: "sts-self-signed", mx: right, serve: policy("enforce", "mx-right."+daneZone),
			leaf: leaf{selfSigned: true},
		},
		{
			name: "sts-expired", mx: right, serve: policy("enforce", "mx-right."+daneZone),
			leaf: leaf{from: time.Now().AddDate(0, -3, 0), to: time.Now().AddDate(0, 0, -2)},
		},
		{
			name: "sts-other-name", mx: right, serve: policy("enforce", "mx-right."+daneZone),
			leaf: leaf{name: "www." + daneZone},
		},
		{name: "sts-html", mx: right, serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>parked</html>")
		}},
		{name: "sts-redirect", mx: right, serve: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://mta-sts.sts-listed."+daneZone+r.URL.Path, http.StatusMovedPermanently)
		}},
		{name: "sts-huge", mx: right, serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			line := strings.Repeat("mx: mx-right."+daneZone+"\r\n", 1000)
			for sent := 0; sent < 100<<20; sent += len(line) {
				if _, err := io.WriteString(w, line); err != nil {
					return
				}
			}
		}},
		{
			name: "sts-many-mx", mx: right,
			serve: policy("enforce", slices.Repeat([]string{"mx-right." + daneZone}, 10_000)...),
		},
		{name: "sts-slow", mx: right, slow: true, serve: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush() // an error ends the request
				time.Sleep(100 * time.Millisecond)
			}
		}},
	}
}

// addPolicies adds the records of the policy domains to their zone.
func addPolicies(z *zoneData, hostOf func(server string) string) {
	var b strings.Builder
	for _, p := range policyDomains() {
		for i, server := range p.mx {
			fmt.Fprintf(&b, "%s. IN MX %d %s.\n", p.domain(), 10*(i+1), hostOf(server))
		}
		fmt.Fprintf(&b, "_mta-sts.%s. IN TXT \"v=STSv1; id=1;\"\n", p.domain())
		address := policyAddress
		if p.slow {
			address = slowPolicyAddress
		}
		fmt.Fprintf(&b, "mta-sts.%s. IN A %s\n", p.domain(), address)
	}
	z.records += b.String()
}

// startPolicyHosts serves the policies.
func (l *daneLab) startPolicyHosts() {
	l.t.Helper()
	certificates, policies := map[string]*tls.Certificate{}, map[string]http.HandlerFunc{}
	for _, p := range policyDomains() {
		host := "mta-sts." + p.domain()
		if p.leaf.name == "" {
			p.leaf.name = host
		}
		issued := l.issue(p.leaf, p.name)
		certificate, err := tls.LoadX509KeyPair(issued.chain, issued.key)
		if err != nil {
			l.t.Fatal(err)
		}
		certificates[host], policies[host] = &certificate, p.serve
	}
	server := &http.Server{
		TLSConfig: &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return certificates[hello.ServerName], nil
		}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if serve := policies[r.Host]; serve != nil && r.URL.Path == "/.well-known/mta-sts.txt" {
				serve(w, r)
				return
			}
			http.NotFound(w, r)
		}),
		ErrorLog: log.New(io.Discard, "", 0), // clients refuse some certificates
	}
	for _, address := range []string{policyAddress, slowPolicyAddress} {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, "443"))
		if err != nil {
			l.t.Fatal(err)
		}
		go func() { _ = server.ServeTLS(listener, "", "") }() // ends with Close
	}
	l.t.Cleanup(func() { _ = server.Close() })
}
