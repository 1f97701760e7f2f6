package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// text reads one line of text. Control characters are refused everywhere: nothing from here may inject a command into
// an SMTP session.
func (r *reader) text(n *yaml.Node, key string) string {
	if v := resolve(n); v.Kind != yaml.ScalarNode && !isNull(v) {
		r.failValue(n, key, errors.New("must be one line of text"))
		return ""
	}
	return r.scalar(n, key)
}

// scalar is like text, but returns "" for a list or a mapping: the caller reports what it expects instead.
func (r *reader) scalar(n *yaml.Node, key string) string {
	n, _ = r.enter(n)
	switch {
	case isNull(n), n.Kind != yaml.ScalarNode:
	case len(n.Value) > inventory.MaxText:
		r.fail(n, key, "longer than %d bytes", inventory.MaxText)
	case strings.ContainsFunc(n.Value, inventory.IsControl):
		r.fail(n, key, "control characters are not allowed")
	default:
		return n.Value
	}
	return ""
}

// parsed reads text in the form of parse.
func (r *reader) parsed(n *yaml.Node, key string, parse func(string) (string, error)) string {
	value, err := parse(r.text(n, key))
	if err != nil {
		r.failValue(n, key, err)
	}
	return value
}

// optional is parsed, with "" for null and "".
func (r *reader) optional(n *yaml.Node, key string, parse func(string) (string, error)) string {
	if v := resolve(n); v.Kind == yaml.ScalarNode && (isNull(v) || v.Value == "") {
		return ""
	}
	return r.parsed(n, key, parse)
}

// each reads a list of texts by read, without empty ones. The result is never nil.
func (r *reader) each(n *yaml.Node, key string, read func(n *yaml.Node, key string) string) []string {
	values := []string{}
	r.list(n, key, func(n *yaml.Node, k string) {
		if v := read(n, k); v != "" {
			values = append(values, v)
		}
	})
	return values
}

func (r *reader) domain(n *yaml.Node, key string) string {
	return r.parsed(n, key, inventory.ParseDomain)
}

func (r *reader) dnsServer(n *yaml.Node, key string) string {
	return r.parsed(n, key, func(text string) (string, error) { return parseHostPort(text, "192.0.2.53:53") })
}

func (r *reader) number(n *yaml.Node, key string, low, high int) int {
	v, err := strconv.Atoi(r.scalar(n, key))
	if err != nil || v < low || v > high {
		r.failValue(n, key, fmt.Errorf("must be a number from %d to %d", low, high))
		return low
	}
	return v
}

func (r *reader) ratio(n *yaml.Node, key string) float64 {
	v, err := strconv.ParseFloat(r.scalar(n, key), 64)
	if err != nil || math.IsNaN(v) || v < 0 || v > 1 {
		r.failValue(n, key, errors.New("must be a ratio from 0 to 1"))
		return 0
	}
	return v
}

func (r *reader) flag(n *yaml.Node, key string) bool {
	n, _ = r.enter(n)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		r.failValue(n, key, errors.New("must be true or false"))
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// year limits durations. The state file keeps the times of test messages for a day longer, and sixteen timeouts of a
// year do not overflow.
const year = 365 * 24 * time.Hour

func (r *reader) duration(n *yaml.Node, key string, low, high time.Duration) time.Duration {
	d, err := model.ParseDuration(r.scalar(n, key))
	switch {
	case err != nil:
		r.failValue(n, key, errors.New("must be a duration such as 30s, 5m or 90d"))
	case time.Duration(d) < low:
		r.failValue(n, key, fmt.Errorf("must be at least %s", model.Duration(low)))
	case time.Duration(d) > high:
		r.failValue(n, key, fmt.Errorf("must be at most %s", model.Duration(high)))
	default:
		return time.Duration(d)
	}
	return low
}

// word reads one of a few words, without regard to case.
func (r *reader) word(n *yaml.Node, key string, allowed ...string) string {
	got := r.scalar(n, key)
	for _, w := range allowed {
		if strings.EqualFold(got, w) {
			return w
		}
	}
	r.failValue(n, key, inventory.MustBeOneOf(got, allowed))
	return ""
}

func (r *reader) addr(n *yaml.Node, key string) netip.Addr {
	a, err := netip.ParseAddr(strings.Trim(r.scalar(n, key), "[]"))
	if err != nil {
		r.failValue(n, key, errors.New("must be an IP address such as 192.0.2.25"))
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
		r.failValue(n, key, errors.New("must be an IP address or a network such as 192.0.2.0/24"))
	}
	return p
}

// parseHostName returns a name that can be the argument of EHLO: an international one as A-labels.
func parseHostName(text string) (string, error) {
	name, ok := text, true
	if strings.ContainsFunc(text, func(c rune) bool { return c > unicode.MaxASCII }) {
		name, ok = mailflow.HostName(text)
	}
	if !ok || strings.ContainsAny(name, " <>()@\"\\") || len(name) > 255 {
		return "", errors.New("must be a host name such as mail.contoso.com")
	}
	return name, nil
}

// parseMailFrom returns the argument of MAIL FROM: an address, or <> for the null sender.
func parseMailFrom(text string) (string, error) {
	if text == "<>" {
		return text, nil
	}
	return inventory.ParseMailbox(text)
}

// parseListenAddress returns an address to listen on: ":2525", "192.0.2.1:25".
func parseListenAddress(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	number, bad := strconv.ParseUint(port, 10, 16)
	if _, wrong := netip.ParseAddr(host); err != nil || bad != nil || number == 0 || host != "" && wrong != nil {
		return "", errors.New(`must be a port such as ":2525", or an address with a port such as "192.0.2.1:2525"`)
	}
	return text, nil
}

// parseHostPort returns host:port with a name or an address.
func parseHostPort(text, example string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	number, portErr := strconv.Atoi(port)
	if err != nil || host == "" || strings.ContainsAny(host, " /@<>") || portErr != nil || number < 1 || number > 65535 {
		return "", errors.New("must be host:port such as " + example)
	}
	return text, nil
}

// parseMailServer returns the host:port of a mail server.
func parseMailServer(text string) (string, error) { return parseHostPort(text, "mail.contoso.com:25") }
