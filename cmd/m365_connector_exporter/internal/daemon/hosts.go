package daemon

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hostGuard refuses requests that change state, if the name in Host is not one of this exporter. It prevents DNS
// rebinding: a web site that makes its own name resolve to the address of the exporter reaches it from browsers in
// this network, as the same origin. It cannot do that with an address in Host, nor with a name of this exporter.
//
// Names are without port; loopback names and IP addresses are always allowed.
func hostGuard(names []string, next http.Handler) http.Handler {
	allowed := map[string]bool{"localhost": true}
	for _, name := range names {
		allowed[canonicalHost(name)] = true
	}
	delete(allowed, "")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := canonicalHost(r.Host); changesState(r) && !allowed[host] && !isAddress(host) {
			http.Error(w, fmt.Sprintf("the Host header has the name %.100q, which is not one of this exporter: "+
				"use localhost, an IP address, or the name in --web.external-url", host), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// changesState reports whether a request may change state (RFC 9110, section 9.2.1).
func changesState(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
}

// canonicalHost returns the host of a Host header or an authority: without port and brackets, in lower case.
func canonicalHost(authority string) string {
	host, _, err := net.SplitHostPort(authority)
	if err != nil {
		host = authority
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
