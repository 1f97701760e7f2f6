package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/inventory/exchangeonline"
)

// Bounds of the reads of Exchange Online. It publishes no limit for them, so they are few.
const (
	minReadInterval = 15 * time.Minute
	maxReadInterval = 7 * 24 * time.Hour
	maxReads        = 64 // tenants at a time
)

func defaultExchangeOnline() exchangeonline.Options {
	return exchangeonline.Options{Interval: time.Hour, MaxConcurrent: 4}
}

// application is the Entra ID application that reads tenants, as a section exchange_online configures it. The keys in a
// tenant win over those at the top.
type application struct {
	clientID            string
	authority, endpoint string
	credential          *exchangeonline.Credential // nil: none is given, or it cannot be read
	given               bool                       // a credential is configured, readable or not
}

// exchangeOnline reads the section at the top.
func (r *reader) exchangeOnline(n *yaml.Node, key string) {
	o := &r.cfg.ExchangeOnline
	more := fields{
		"interval":       func(n *yaml.Node, k string) { o.Interval = r.duration(n, k, minReadInterval, maxReadInterval) },
		"max_concurrent": func(n *yaml.Node, k string) { o.MaxConcurrent = r.number(n, k, 1, maxReads) },
		"cache_folder":   func(n *yaml.Node, k string) { o.CacheFolder = r.path(n, k) },
		"ca_file": func(n *yaml.Node, k string) {
			if file := r.path(n, k); file != "" {
				o.Roots = r.extraRoots(n, k, file)
			}
		},
		"tenant_id": func(n *yaml.Node, k string) { r.fail(n, k, "must be in a tenant: each has its own") },
	}
	r.application = r.readApplication(n, key, more, application{})
}

// readApplication reads the keys that both sections have, over those of outer.
func (r *reader) readApplication(n *yaml.Node, key string, more fields, outer application) application {
	a := outer
	var certificate, secret *yaml.Node
	known := fields{
		"client_id":          func(n *yaml.Node, k string) { a.clientID = r.optional(n, k, parseGUID) },
		"authority":          func(n *yaml.Node, k string) { a.authority = r.optional(n, k, parseHTTPS) },
		"endpoint":           func(n *yaml.Node, k string) { a.endpoint = r.optional(n, k, parseHTTPS) },
		"certificate":        later(&certificate),
		"client_secret_file": later(&secret),
	}
	maps.Copy(known, more)
	r.mapping(n, key, known)
	hasSecret := secret != nil && !isNull(resolve(secret)) && resolve(secret).Value != ""
	hasCertificate := certificate != nil && !isNull(resolve(certificate)) && len(resolve(certificate).Content) > 0
	switch {
	case hasSecret && hasCertificate:
		r.fail(n, key, "must have only one of certificate and client_secret_file")
	case hasCertificate:
		a.credential, a.given = r.applicationCertificate(certificate, join(key, "certificate")), true
	case hasSecret:
		a.credential, a.given = r.clientSecret(secret, join(key, "client_secret_file")), true
	}
	return a
}

// applicationCertificate reads a certificate with its key; nil if it cannot be read.
func (r *reader) applicationCertificate(n *yaml.Node, key string) *exchangeonline.Credential {
	source, m := r.certificate(n, key)
	switch {
	case source.SMTP != "":
		r.fail(n, join(key, "smtp"), "must be a file here: file or pkcs12")
		return nil
	case source.File+source.PKCS12 == "":
		r.fail(n, key, "needs file or pkcs12")
		return nil
	case m == nil:
		return nil // reported
	case m.Key == nil:
		r.failFile(n, key, m.Source, "has no private key: the application needs it to prove its identity")
		return nil
	}
	c, err := exchangeonline.NewCertificate(m.Leaf, m.Key.PrivateKey)
	if err != nil {
		r.failFile(n, key, m.Source, "%v", err)
		return nil
	}
	return &c
}

// clientSecret reads a secret from a file; nil if it cannot be read.
func (r *reader) clientSecret(n *yaml.Node, key string) *exchangeonline.Credential {
	file := r.path(n, key)
	if file == "" {
		return nil
	}
	contents, ok := r.read(n, key, file)
	if !ok {
		return nil
	}
	r.secret(n, key, file, contents.Info)
	c, err := exchangeonline.NewSecret(strings.TrimSpace(passwordOf(contents.Data)))
	if err != nil {
		r.failFile(n, key, file, "%v", err)
		return nil
	}
	return &c
}

// liveTenant reads the section of a tenant, which is then read from Exchange Online itself.
func (r *reader) liveTenant(n *yaml.Node, key string, t *tenant) *exchangeonline.Tenant {
	live := &exchangeonline.Tenant{Name: t.Tenant.Name, Cloud: t.Tenant.Cloud}
	before := r.failures
	a := r.readApplication(n, key, fields{
		"tenant_id": func(n *yaml.Node, k string) { live.ID = r.optional(n, k, parseTenantID) },
	}, r.application)
	if r.failures > before {
		return live
	}
	const here = "here or in exchange_online at the top"
	switch {
	case live.ID == "":
		r.fail(n, join(key, "tenant_id"), "a tenant that is read from Exchange Online needs it")
	case a.clientID == "":
		r.fail(n, join(key, "client_id"), "is required, %s: the id of the application that reads the tenant", here)
	case !a.given:
		r.fail(n, key, "needs certificate or client_secret_file, %s", here)
	}
	live.ClientID, live.Authority, live.Endpoint = a.clientID, a.authority, a.endpoint
	if a.credential != nil {
		live.Credential = *a.credential
	}
	return live
}

// parseGUID returns a GUID in lower case.
func parseGUID(text string) (string, error) {
	if !exchangeonline.IsGUID(text) {
		return "", errors.New("must be a GUID such as 00000000-0000-0000-0000-000000000000")
	}
	return strings.ToLower(text), nil
}

// initialDomains are the ends of the domains that every tenant begins with, in all clouds.
var initialDomains = []string{".onmicrosoft.com", ".onmicrosoft.us", ".onmschina.cn"}

// parseTenantID returns a GUID, or the initial domain of a tenant.
func parseTenantID(text string) (string, error) {
	if id, err := parseGUID(text); err == nil {
		return id, nil
	}
	domain, err := inventory.ParseDomain(text)
	for _, end := range initialDomains {
		if err == nil && strings.HasSuffix(domain, end) {
			return domain, nil
		}
	}
	return "", errors.New("must be a GUID, or the initial domain such as contoso.onmicrosoft.com")
}

// parseHTTPS returns the URL of a host: https, without a path.
func parseHTTPS(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("must be a URL such as https://login.microsoftonline.com, without a path")
	}
	return strings.TrimSuffix(text, "/"), nil
}

// Live are the tenants that are read from Exchange Online itself, as far as they have loaded.
func (c *Config) Live() []exchangeonline.Tenant {
	var live []exchangeonline.Tenant
	for _, t := range c.Tenants {
		if l := c.settings(t.Name).live; l != nil {
			live = append(live, *l)
		}
	}
	return live
}

// notRead marks a tenant of which nothing is known yet: it has no paths until it was read.
func (t *tenant) notRead() {
	t.Never = true
	t.Tenant.Outbound, t.Tenant.Inbound, t.Tenant.Senders = nil, nil, nil
	t.Tenant.LoadError = fmt.Sprintf("%v; no path of this tenant is probed until then", exchangeonline.ErrNotRead)
}
