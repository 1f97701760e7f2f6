package config

import (
	"crypto/x509"
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// Firewall is the section of that name: the addresses that a firewall admits to port 25 of the mail servers, and where
// the ranges that Microsoft publishes for Exchange Online come from.
type Firewall struct {
	File    string           // the list of the firewall; "" if none is configured
	Allowed []mailflow.Range // what is in it

	Endpoints string         // a file of the published ranges, or the https URL that they are fetched from; "" for neither
	Published []netip.Prefix // what is in the file; nil for a URL
	Roots     *x509.CertPool // for the URL; nil: the system's
}

// Fetched reports whether the published ranges are to be fetched.
func (f *Firewall) Fetched() bool { return f.Endpoints != "" && f.Published == nil }

func (r *reader) firewall(n *yaml.Node, key string) {
	f := &r.cfg.Firewall
	r.mapping(n, key, fields{
		"file": func(n *yaml.Node, k string) {
			if f.File = r.path(n, k); f.File != "" {
				list := parsedFile(r, n, k, f.File, mailflow.ParseAllowed)
				f.Allowed = list.Ranges
				if warning := list.Warning(); warning != "" {
					r.warn(r.errorAt(n, k, "%s: %s", f.File, warning).Error())
				}
			}
		},
		"endpoints": func(n *yaml.Node, k string) { r.endpoints(n, k, f) },
		"ca_file": func(n *yaml.Node, k string) {
			if file := r.path(n, k); file != "" {
				f.Roots = r.extraRoots(n, k, file)
			}
		},
	})
	if f.File == "" && f.Endpoints != "" {
		r.fail(n, join(key, "file"), "is required with endpoints: the list of addresses that the firewall admits")
	}
}

// endpoints reads the file or URL of the published ranges. A URL with an @ may contain a password and is not quoted.
func (r *reader) endpoints(n *yaml.Node, key string, f *Firewall) {
	_, rest, isURL := strings.Cut(r.text(n, key), "://")
	switch {
	case isURL && strings.Contains(rest, "@"):
		r.fail(n, key, "must be a URL without a user, such as https://endpoints.office.com/endpoints/worldwide")
	case isURL:
		f.Endpoints = r.parsed(n, key, parseEndpointsURL)
	default:
		if f.Endpoints = r.path(n, key); f.Endpoints != "" {
			f.Published = parsedFile(r, n, key, f.Endpoints, mailflow.ParseEndpoints)
		}
	}
}

// parsedFile reads a file and parses it.
func parsedFile[T any](r *reader, n *yaml.Node, key, file string, parse func([]byte) (T, error)) (parsed T) {
	c, ok := r.read(n, key, file)
	if !ok {
		return parsed
	}
	parsed, err := parse(inventory.UTF8(c.Data))
	if err != nil {
		r.failFile(n, key, file, "%v", err)
	}
	return parsed
}

// parseEndpointsURL returns the URL of a list of endpoints.
func parseEndpointsURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return "", errors.New("must be a file, or a URL such as https://endpoints.office.com/endpoints/worldwide")
	}
	return text, nil
}
