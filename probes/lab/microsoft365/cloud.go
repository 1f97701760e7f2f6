package microsoft365

import (
	"net"
	"strings"
)

// Cloud is one of Microsoft's separate clouds.
type Cloud string

// The clouds. Worldwide includes GCC.
const (
	Worldwide Cloud = "worldwide"
	GCCHigh   Cloud = "gcc_high"
	DoD       Cloud = "dod"
	China     Cloud = "china"
)

// hosts are where a cloud logs in and where its admin API is. China's API has two names in Microsoft's documents.
var hosts = map[Cloud]struct{ login, api []string }{
	Worldwide: {[]string{"login.microsoftonline.com"}, []string{"outlook.office365.com"}},
	GCCHigh:   {[]string{"login.microsoftonline.us"}, []string{"outlook.office365.us"}},
	DoD:       {[]string{"login.microsoftonline.us"}, []string{"outlook-dod.office365.us"}},
	China: {
		[]string{"login.partner.microsoftonline.cn"},
		[]string{"outlook.office365.cn", "partner.outlook.cn"},
	},
}

// Hosts returns the names that the server's certificate needs for clients that use a cloud's real names, the regional
// ones by wildcard.
func Hosts() []string {
	var all []string
	for _, cloud := range []Cloud{Worldwide, GCCHigh, DoD, China} {
		for _, name := range hosts[cloud].api {
			all = append(all, name, "*."+name)
		}
		all = append(all, hosts[cloud].login...)
	}
	return all
}

// logsInAt reports whether tenants of the cloud log in at a host. A loopback address is accepted for every cloud.
func (c Cloud) logsInAt(host string) bool { return c.has(host, hosts[c].login, false) }

// servesAt reports whether the admin API of the cloud is at a host, be it a regional one.
func (c Cloud) servesAt(host string) bool { return c.has(host, hosts[c].api, true) }

func (c Cloud) has(host string, names []string, regional bool) bool {
	if c == "" || isLoopback(host) {
		return true
	}
	host = withoutPort(host)
	_, parent, _ := strings.Cut(host, ".")
	for _, name := range names {
		if host == name || regional && parent == name {
			return true
		}
	}
	return false
}

// audience returns the host that a scope is for, "" if it is not one of the admin API of the cloud.
func (c Cloud) audience(scope string) string {
	host, ok := strings.CutPrefix(scope, "https://")
	host, isDefault := strings.CutSuffix(host, "/.default")
	if !ok || !isDefault || host == "" {
		return ""
	}
	for cloud, names := range hosts {
		for _, name := range names.api {
			if name == host && (c == "" || c == cloud) {
				return host
			}
		}
	}
	if isLoopback(host) {
		return host
	}
	return ""
}

func isLoopback(host string) bool {
	host = withoutPort(host)
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return strings.ToLower(name)
	}
	return strings.ToLower(host)
}
