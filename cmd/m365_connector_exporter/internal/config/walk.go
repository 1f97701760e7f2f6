package config

import (
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"
)

// reader collects mistakes while it walks the nodes of one file, so that all are told at once.
type reader struct {
	file string
	errs Errors
}

func (r *reader) fail(n *yaml.Node, key, format string, args ...any) {
	line := 0
	if n != nil {
		line = n.Line
	}
	r.errs = append(r.errs, Error{File: r.file, Line: line, Key: key, Message: fmt.Sprintf(format, args...)})
}

// fields maps the keys of a mapping to what reads them.
type fields map[string]func(n *yaml.Node, key string)

// mapping reads a mapping strictly: every key must be known and may stand once.
func (r *reader) mapping(n *yaml.Node, path string, known fields) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, path, "must be a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		key := join(path, k.Value)
		read, ok := known[k.Value]
		switch {
		case !ok:
			r.fail(k, key, "unknown key; known here: %s", strings.Join(sortedKeys(known), ", "))
		case seen[k.Value]:
			r.fail(k, key, "stands twice")
		default:
			seen[k.Value] = true
			read(v, key)
		}
	}
}

func sortedKeys(m fields) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// list reads a sequence, each item by read.
func (r *reader) list(n *yaml.Node, key string, read func(n *yaml.Node, key string)) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.fail(n, key, "must be a list")
		return
	}
	for i, item := range n.Content {
		read(item, key+"["+strconv.Itoa(i)+"]")
	}
}

// text reads one line of text. Control characters are refused everywhere: nothing from here may inject a command.
func (r *reader) text(n *yaml.Node, key string) string {
	if isNull(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, key, "must be text")
		return ""
	}
	if strings.IndexFunc(n.Value, func(c rune) bool { return c < 0x20 || c == 0x7f }) >= 0 {
		r.fail(n, key, "control characters are not allowed")
		return ""
	}
	return n.Value
}

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
	if err != nil || !(v >= 0 && v <= 1) {
		r.fail(n, key, "must be a ratio from 0 to 1")
		return 0
	}
	return v
}

func (r *reader) flag(n *yaml.Node, key string) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		r.fail(n, key, "must be true or false")
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

func (r *reader) duration(n *yaml.Node, key string, low time.Duration) time.Duration {
	d, err := model.ParseDuration(r.text(n, key))
	if err != nil {
		r.fail(n, key, "must be a duration such as 30s, 5m or 90d")
		return low
	}
	if time.Duration(d) < low {
		r.fail(n, key, "must be at least %s", model.Duration(low))
		return low
	}
	return time.Duration(d)
}

func (r *reader) word(n *yaml.Node, key string, allowed ...string) string {
	got := r.text(n, key)
	for _, w := range allowed {
		if strings.EqualFold(got, w) {
			return w
		}
	}
	r.fail(n, key, "must be one of %s", strings.Join(allowed, ", "))
	return ""
}

func (r *reader) texts(n *yaml.Node, key string) []string {
	values := []string{}
	r.list(n, key, func(n *yaml.Node, key string) {
		if v := r.text(n, key); v != "" {
			values = append(values, v)
		}
	})
	return values
}

func (r *reader) addr(n *yaml.Node, key string) netip.Addr {
	value := strings.Trim(r.text(n, key), "[]")
	if value == "" {
		return netip.Addr{}
	}
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

// mailbox reads an address that will stand in an SMTP command: no spaces, brackets or control characters, one @.
func (r *reader) mailbox(n *yaml.Node, key string) string {
	value := r.text(n, key)
	local, domain, ok := strings.Cut(value, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(value, " <>()[],;:\\\"") || strings.Contains(domain, "@") || len(value) > 254 {
		r.fail(n, key, "must be a plain mail address such as probe@contoso.com")
		return ""
	}
	return value
}
