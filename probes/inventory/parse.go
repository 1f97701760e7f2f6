package inventory

import (
	"errors"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"m365_connector_exporter/probes/mailflow"
)

var (
	errDomain  = errors.New("must be a domain such as contoso.com")
	errPattern = errors.New("must be a domain such as contoso.com or *.contoso.com")
	errHost    = errors.New("must be a host such as mail.contoso.com, or an IP address")
	errPort    = errors.New("no port here; set probe.port")
	errNetwork = errors.New("must be an IP address or a network such as 192.0.2.0/24")
	errRange   = errors.New("must be an IP address, a network such as 192.0.2.0/24 or a range such as 192.0.2.1-192.0.2.9")
	errMailbox = errors.New("must be a plain mail address such as probe@contoso.com")
	errTime    = errors.New("must be a time such as 2026-11-24T12:00:00Z")
)

// IsControl reports whether a character is a control character of C0 or C1, DEL, or one of the line separators at
// which terminals and browsers break lines.
func IsControl(c rune) bool { return c < 0x20 || c >= 0x7f && c < 0xa0 || c == 0x2028 || c == 0x2029 }

// ParseDomain returns a domain in normal form: lower case, A-labels (RFC 5891), no trailing dot. An address type and a
// cost, as in smtp:contoso.com;1, are dropped.
func ParseDomain(text string) (string, error) {
	name, err := parseDomainPattern(text)
	if err != nil || strings.HasPrefix(name, "*") {
		return "", errDomain
	}
	return name, nil
}

// parseDomainPattern is ParseDomain, which also allows "*" and "*.contoso.com".
func parseDomainPattern(text string) (string, error) {
	name, ok := mailflow.NormaliseDomain(text)
	if !ok {
		return "", errPattern
	}
	return name, nil
}

// ParseMailbox returns a mail address that can be part of an SMTP command: one @, no spaces, brackets, quotes or
// control characters. Its domain becomes A-labels; a local part beyond ASCII would need a server with SMTPUTF8 (RFC
// 6531), which no probe uses.
func ParseMailbox(text string) (string, error) {
	local, domain, ok := strings.Cut(text, "@")
	host, isHost := mailflow.HostName(domain)
	beyondASCII := func(c rune) bool { return c > unicode.MaxASCII }
	if !ok || local == "" || !isHost || len(text) > 254 ||
		strings.ContainsAny(local, " <>()[],;:\\\"") || strings.ContainsFunc(local, beyondASCII) {
		return "", errMailbox
	}
	return local + "@" + host, nil
}

// ParseSmartHost returns a smart host unchanged, because it becomes a label value: a name, an address, a network or an
// address in brackets.
func ParseSmartHost(text string) (string, error) {
	address := text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		address = text[1 : len(text)-1]
	}
	if isNetwork(address) {
		return text, nil
	}
	if i := strings.LastIndexByte(text, ':'); i > 0 && isDigits(text[i+1:]) && hostOfPort(text[:i]) {
		return "", errPort
	}
	if _, err := ParseDomain(text); err != nil {
		return "", errHost
	}
	return text, nil
}

// hostOfPort reports whether text can precede a colon and a port.
func hostOfPort(host string) bool {
	return !strings.Contains(host, ":") || strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]")
}

func isDigits(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(c rune) bool { return c < '0' || c > '9' })
}

// parseNetwork returns an address or a network unchanged.
func parseNetwork(text string) (string, error) {
	if !isNetwork(text) {
		return "", errNetwork
	}
	return text, nil
}

func isNetwork(text string) bool {
	_, addrErr := netip.ParseAddr(text)
	_, prefixErr := netip.ParsePrefix(text)
	return addrErr == nil || prefixErr == nil
}

// parseNetworkOrRange is parseNetwork, which also accepts a range such as 192.0.2.1-192.0.2.9.
func parseNetworkOrRange(text string) (string, error) {
	if _, problem := mailflow.ParseRange(text); problem == mailflow.RangeUnreadable && !isNetwork(text) {
		return "", errRange
	}
	return text, nil
}

// parseCertificateName returns a domain pattern, or the form <I>issuer<S>subject unchanged: Microsoft's documents
// neither show nor exclude this form for Exchange Online.
func parseCertificateName(text string) (string, error) {
	if strings.HasPrefix(text, "<I>") {
		return text, nil
	}
	return parseDomainPattern(text)
}

// dateZone matches the end of /Date(ms)/, with the optional zone of one of the serialisers of .NET.
var dateZone = regexp.MustCompile(`([+-]\d{4})?\)/$`)

// parseTime parses ISO 8601 with or without a zone (Exchange Online writes UTC without one), and /Date(ms)/ of Windows
// PowerShell, which may have a zone, /Date(ms+0200)/, that does not change the time.
func parseTime(text string) (time.Time, error) {
	if ms, ok := strings.CutPrefix(text, "/Date("); ok {
		v, err := strconv.ParseInt(dateZone.ReplaceAllString(ms, ""), 10, 64)
		if err == nil && v > -1<<47 && v < 1<<47 {
			return time.UnixMilli(v).UTC(), nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errTime
}
