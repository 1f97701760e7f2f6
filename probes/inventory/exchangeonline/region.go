package exchangeonline

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// label is one label of a host name.
var label = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// findRegion finds the tenant's region: the service answers a request for its PowerShell module with a redirect to a
// host of the region. The redirect is not followed; only the first label of that host is put in front of the
// configured host. If there is no usable redirect, the configured host is used, which serves all regions.
func (s *session) findRegion(ctx context.Context) {
	base := s.tenant.endpoint()
	r, err := s.send(ctx, http.MethodGet, base+s.adminAPI("/AdminApi/v1.0/", "EXOModuleFile"), "", nil)
	if err != nil || r.status < 300 || r.status > 399 {
		return
	}
	if regional := regionalBase(base, r.header.Get("Location")); regional != "" {
		s.base = regional
	}
}

// regionalBase returns the URL of the service in the region of a redirect, "" if the redirect is not usable.
func regionalBase(base, location string) string {
	to, err := url.Parse(location)
	if err != nil {
		return ""
	}
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	prefix, _, _ := strings.Cut(to.Hostname(), ".")
	_, notAddress := netip.ParseAddr(u.Hostname())
	first, _, dotted := strings.Cut(u.Hostname(), ".")
	if !label.MatchString(prefix) || notAddress == nil || !dotted || strings.EqualFold(prefix, first) {
		return ""
	}
	u.Host = strings.ToLower(prefix) + "." + u.Host
	return u.String()
}
