package config

import (
	"math"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/mailflow"
)

// text reads one line of text. Control characters are refused everywhere: nothing from here may inject a command.
func (r *reader) text(n *yaml.Node, key string) string {
	n, _ = r.enter(n)
	if r.lenient {
		n = asScalar(n)
	}
	if isNull(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, key, "must be text")
		return ""
	}
	if strings.IndexFunc(n.Value, isControl) >= 0 {
		r.fail(n, key, "control characters are not allowed")
		return ""
	}
	return n.Value
}

// isControl covers C0, DEL, C1 and the line separators that terminals and pages break at.
func isControl(c rune) bool { return c < 0x20 || c >= 0x7f && c < 0xa0 || c == 0x2028 || c == 0x2029 }

func (r *reader) number(n *yaml.Node, key string, low, high int) int {
	v, err := strconv.Atoi(r.text(n, key))
	if err != nil || v < low || v > high {
		r.fail(n, key, "must be a number from %d to %d", low, high)
		return low
	}
	return v
}

func (r *reader) ratio(n *yaml.Node, key string) float64 {
	v, err := strconv.ParseFloat(r.text(n, key), 64)
	if err != nil || math.IsNaN(v) || v < 0 || v > 1 {
		r.fail(n, key, "must be a ratio from 0 to 1")
		return 0
	}
	return v
}

func (r *reader) flag(n *yaml.Node, key string) bool {
	n, _ = r.enter(n)
	word := strings.ToLower(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" && (!r.lenient || word != "true" && word != "false") {
		r.fail(n, key, "must be true or false")
		return false
	}
	return word == "true"
}

func (r *reader) tri(n *yaml.Node, key string) mailflow.Tri {
	n, _ = r.enter(n)
	before := r.failures
	if isNull(n) {
		return mailflow.Unknown
	}
	v := r.flag(n, key)
	if r.failures > before {
		return mailflow.Unknown // an export's value that nobody understands is not false
	}
	return mailflow.TriOf(v)
}

// year bounds a wait. The state file knows test messages for a day longer, and sixteen timeouts are still far from an overflow.
const year = 365 * 24 * time.Hour

func (r *reader) duration(n *yaml.Node, key string, low, high time.Duration) time.Duration {
	d, err := model.ParseDuration(r.text(n, key))
	if err != nil {
		r.fail(n, key, "must be a duration such as 30s, 5m or 90d")
		return low
	}
	if time.Duration(d) < low {
		r.fail(n, key, "must be at least %s", model.Duration(low))
		return low
	}
	if time.Duration(d) > high {
		r.fail(n, key, "must be at most %s", model.Duration(high))
		return low
	}
	return time.Duration(d)
}

// dateZone ends /Date(ms)/.
var dateZone = regexp.MustCompile(`([+-]\d{4})?\)/$`)

// time reads ISO dates, with and without zone (the wire has none and means UTC), and /Date(ms)/ of PowerShell 5.1, of which .NET's
// other serialiser writes /Date(ms+0200)/: the same moment.
func (r *reader) time(n *yaml.Node, key string) time.Time {
	value := r.text(n, key)
	if value == "" {
		return time.Time{}
	}
	if ms, ok := strings.CutPrefix(value, "/Date("); ok {
		ms = dateZone.ReplaceAllString(ms, "")
		if v, err := strconv.ParseInt(ms, 10, 64); err == nil && v > -1<<47 && v < 1<<47 {
			return time.UnixMilli(v).UTC()
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC()
		}
	}
	r.fail(n, key, "must be a time such as 2026-11-24T12:00:00Z")
	return time.Time{}
}

func (r *reader) word(n *yaml.Node, key string, allowed ...string) string {
	got := r.text(n, key)
	for _, w := range allowed {
		if strings.EqualFold(got, w) {
			return w
		}
	}
	if r.lenient {
		return got // Microsoft may extend its enums
	}
	r.fail(n, key, "must be one of %s", strings.Join(allowed, ", "))
	return ""
}

// enum is a word that an export may give as a number: PowerShell writes enums so, counted from first.
func (r *reader) enum(n *yaml.Node, key string, first int, words ...string) string {
	word := r.word(n, key, words...)
	if i, err := strconv.Atoi(word); err == nil && r.lenient && i >= first && i-first < len(words) {
		return words[i-first]
	}
	return word
}

// each reads a list and keeps what read makes of its items, without empty ones. The result is never nil.
func (r *reader) each(n *yaml.Node, key string, read func(n *yaml.Node, key string) string) []string {
	values := []string{}
	r.list(n, key, func(n *yaml.Node, k string) {
		if v := read(n, k); v != "" {
			values = append(values, v)
		}
	})
	return values
}

func (r *reader) texts(n *yaml.Node, key string) []string { return r.each(n, key, r.text) }

func (r *reader) addr(n *yaml.Node, key string) netip.Addr {
	value := strings.Trim(r.text(n, key), "[]")
	a, err := netip.ParseAddr(value)
	if err != nil {
		r.fail(n, key, "must be an IP address")
	}
	return a
}

func (r *reader) prefix(n *yaml.Node, key string) netip.Prefix {
	value := r.text(n, key)
	if a, err := netip.ParseAddr(value); err == nil {
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(value)
	if err != nil {
		r.fail(n, key, "must be an IP address or a network such as 192.0.2.0/24")
	}
	return p
}

// network reads an address or network and keeps it as it is written; ranges "a-b" only where Microsoft knows them.
func (r *reader) network(n *yaml.Node, key string, ranges bool) string {
	value := r.text(n, key)
	_, addrErr := netip.ParseAddr(value)
	_, prefixErr := netip.ParsePrefix(value)
	if addrErr == nil || prefixErr == nil {
		return value
	}
	if first, last, ok := strings.Cut(value, "-"); ok && ranges {
		a, err1 := netip.ParseAddr(strings.TrimSpace(first))
		b, err2 := netip.ParseAddr(strings.TrimSpace(last))
		if err1 == nil && err2 == nil && a.BitLen() == b.BitLen() && !b.Less(a) {
			return value
		}
	}
	r.fail(n, key, "must be an IP address or a network such as 192.0.2.0/24")
	return ""
}

// mailbox reads an address that will stand in an SMTP command: no spaces, brackets or control characters, one @. Its domain becomes
// A-labels; a local part beyond ASCII would need a server with SMTPUTF8 (RFC 6531), and no probe asks for that.
func (r *reader) mailbox(n *yaml.Node, key string) string {
	value := r.text(n, key)
	local, domain, ok := strings.Cut(value, "@")
	host, isHost := mailflow.HostName(domain)
	if !ok || local == "" || !isHost || strings.ContainsAny(local, " <>()[],;:\\\"") || strings.ContainsFunc(local, beyondASCII) || len(value) > 254 {
		r.fail(n, key, "must be a plain mail address such as probe@contoso.com")
		return ""
	}
	return local + "@" + host
}

func beyondASCII(c rune) bool { return c > unicode.MaxASCII }

// hostName reads a name that may stand in EHLO: an international one as A-labels.
func (r *reader) hostName(n *yaml.Node, key string) string {
	value := r.text(n, key)
	ok := true
	if strings.ContainsFunc(value, beyondASCII) {
		value, ok = mailflow.HostName(value)
	}
	if !ok || strings.ContainsAny(value, " <>()@\"\\") || len(value) > 255 {
		r.fail(n, key, "must be a host name")
		return ""
	}
	return value
}

// hostPort reads "host:port" with a name or an address.
func (r *reader) hostPort(n *yaml.Node, key string) string {
	value := r.text(n, key)
	host, port, err := net.SplitHostPort(value)
	number, portErr := strconv.Atoi(port)
	if err != nil || host == "" || strings.ContainsAny(host, " /@<>") || portErr != nil || number < 1 || number > 65535 {
		r.fail(n, key, "must be host:port such as 192.0.2.53:53")
		return ""
	}
	return value
}

// domain reads a domain, normalised. A leading "*." or a lone "*" may be allowed.
func (r *reader) domain(n *yaml.Node, key string, wildcard bool) string {
	name, ok := mailflow.NormaliseDomain(r.text(n, key))
	if !ok || strings.HasPrefix(name, "*") && !wildcard {
		r.fail(n, key, "must be a domain")
		return ""
	}
	return name
}

func (r *reader) wildDomain(n *yaml.Node, key string) string  { return r.domain(n, key, true) }
func (r *reader) plainDomain(n *yaml.Node, key string) string { return r.domain(n, key, false) }
