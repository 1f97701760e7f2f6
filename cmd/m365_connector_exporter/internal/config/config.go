package config

import (
	"crypto/x509"
	"net/netip"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Config is a whole configuration, read and checked.
type Config struct {
	Global       Global
	Thresholds   check.Thresholds
	Checks       map[string]string // check code → off, info, warning or critical; a tenant's own are in TenantChecks
	Modules      map[string]probes.SettingsOverride
	Tenants      []mailflow.Tenant
	Suppressions []check.Suppression
	Warnings     []string

	fingerprint string
	files       []string // read or found, the main one among them; sorted
	patterns    []pattern
	contents    *contents

	own      map[string]own
	probe    probes.SettingsOverride
	problems Errors
}

// own is what a tenant says besides its mail flow.
type own struct {
	layers       map[string]probes.SettingsOverride
	checks       map[string]string
	suppressions []check.Suppression
	certificates map[string]Material       // by sender
	roots        map[string]*x509.CertPool // by sender
	exports      map[string]kind           // what stands in each of its exports
	origin       string                    // the file or folder it stands in
	never        bool                      // no state of it has ever loaded
}

func newOwn(origin string) own {
	return own{
		layers: map[string]probes.SettingsOverride{}, checks: map[string]string{}, certificates: map[string]Material{},
		roots: map[string]*x509.CertPool{}, origin: origin,
	}
}

// Certificate is what a sender's certificate file holds. It says false where a sender has none, or has it looked up by SMTP.
func (c *Config) Certificate(tenant, sender string) (Material, bool) {
	m, ok := c.own[tenant].certificates[sender]
	return m, ok
}

// RootsOf are a sender's trusted_roots, nil where it names none.
func (c *Config) RootsOf(tenant, sender string) *x509.CertPool { return c.own[tenant].roots[sender] }

// Global is the section of that name.
type Global struct {
	MaxConcurrent           int
	MaxConcurrentPerAddress int
	MinGapPerAddress        time.Duration
	CAFile                  string
	Roots                   *x509.CertPool // nil = the system's
	CheckRevocation         bool
	StateFile               string
	AllowNetworks           []netip.Prefix
	ExchangeOnlineHosts     []string
}

// Problems are the mistakes in the tenants' own files. They blind those tenants only.
func (c *Config) Problems() Errors { return c.problems }

// TenantChecks are the severities that the tenant itself sets; they win over Checks.
func (c *Config) TenantChecks(tenant string) map[string]string { return c.own[tenant].checks }

// Keys of a tenant's layers: the tenant's own, a connector's, a sender's.
const tenantLayer = ""

func connectorLayer(d mailflow.Direction, name string) string { return string(d) + "/" + name }
func senderLayer(name string) string                          { return "sender/" + name }

// Layers says what the configuration says about probing a connector and, inbound, a sender, outermost first.
func (c *Config) Layers(tenant string, d mailflow.Direction, connector, sender string) []probes.SettingsOverride {
	layers := []probes.SettingsOverride{c.probe}
	keys := []string{tenantLayer, connectorLayer(d, connector)}
	if sender != "" {
		keys = append(keys, senderLayer(sender))
	}
	for _, key := range keys {
		if l, ok := c.own[tenant].layers[key]; ok {
			layers = append(layers, l)
		}
	}
	return layers
}

func defaults() Config {
	day := 24 * time.Hour
	return Config{
		Global: Global{MaxConcurrent: 256, MaxConcurrentPerAddress: 1, MinGapPerAddress: time.Second},
		Thresholds: check.Thresholds{
			WarningRatio: 0.25, WarningDays: 30, CriticalRatio: 0.10, CriticalDays: 7,
			ValidationMaxAge: 90 * day, InventoryMaxAge: 8 * day,
		},
		Checks:  map[string]string{},
		Modules: map[string]probes.SettingsOverride{"default": {}},
		own:     map[string]own{},
	}
}
