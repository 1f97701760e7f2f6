// Package config reads the configuration: the YAML file, the files of tenants that it names, and the certificates of
// their senders. It is the only reader of that file; the records of tenants come from package inventory.
//
//  1. The main file is parsed ([Loader.Load]). It is all or nothing: one mistake, and the configuration is refused.
//  2. Each tenant is read from its [inventory.Source]: its exports, over which the records in YAML are laid.
//  3. A tenant with a broken file of its own, or with more records than any real tenant has, keeps its last good
//     state, or is listed without paths ([Config.Problems]). The other tenants are not affected.
//
// Reading is strict: unknown and duplicate keys, second documents, wrong types and references to what does not exist
// are errors. All of them are reported in one run, each with file, line and key.
package config

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/inventory/exchangeonline"
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
	MoreWarnings int // beyond those that are kept

	// ExchangeOnline are the settings of reading tenants from Exchange Online itself; see Live.
	ExchangeOnline exchangeonline.Options

	Sink       Sink
	RoundTrips []RoundTrip
	Firewall   Firewall

	tenants  *inventory.Tenants[tenantSettings]
	probe    probes.SettingsOverride
	problems Errors
}

// Global is the section of that name.
type Global struct {
	MaxConcurrent           int
	MaxConcurrentPerAddress int
	MinGapPerAddress        time.Duration
	CAFile                  string
	Roots                   *x509.CertPool // nil = the system's
	TrustStores             []TrustStore
	CheckRevocation         bool
	StateFile               string
	AllowNetworks           []netip.Prefix
	ExchangeOnlineHosts     []string
}

// tenantSettings are the configuration of a tenant besides its mail flow.
type tenantSettings struct {
	layers       map[string]probes.SettingsOverride // by tenantLayer, connectorLayer and senderLayer
	checks       map[string]string
	suppressions []check.Suppression
	certificates map[string]Material       // by sender
	roots        map[string]*x509.CertPool // by sender
	live         *exchangeonline.Tenant    // nil if it is not read from Exchange Online itself
}

func newTenantSettings() tenantSettings {
	return tenantSettings{
		layers: map[string]probes.SettingsOverride{}, checks: map[string]string{},
		certificates: map[string]Material{}, roots: map[string]*x509.CertPool{},
	}
}

func (c *Config) settings(tenant string) tenantSettings { return c.tenants.Get(tenant).Settings }

// WarningLines are the warnings, and a last line that counts those that are not kept.
func (c *Config) WarningLines() []string {
	if c.MoreWarnings == 0 {
		return c.Warnings
	}
	return append(slices.Clip(c.Warnings), fmt.Sprintf("and %d more warnings", c.MoreWarnings))
}

// Problems are the mistakes in the tenants' own files. They disable those tenants only.
func (c *Config) Problems() Errors { return c.problems }

// TenantChecks are the severities that the tenant itself sets; they win over Checks.
func (c *Config) TenantChecks(tenant string) map[string]string { return c.settings(tenant).checks }

// Certificate returns what a sender's certificate file contains. It reports false if a sender has none, or has its
// certificate looked up by SMTP.
func (c *Config) Certificate(tenant, sender string) (Material, bool) {
	m, ok := c.settings(tenant).certificates[sender]
	return m, ok
}

// RootsOf returns a sender's trusted_roots, nil if it names none.
func (c *Config) RootsOf(tenant, sender string) *x509.CertPool {
	return c.settings(tenant).roots[sender]
}

// ChangesSince compares the connectors with those of an older configuration, which may be nil.
func (c *Config) ChangesSince(before *Config) []inventory.Change {
	if before == nil {
		return nil
	}
	return inventory.Changes(before.tenants, c.tenants)
}

// Keys of a tenant's layers: the tenant's own, a connector's, a sender's.
const tenantLayer = ""

func connectorLayer(d mailflow.Direction, name string) string { return string(d) + "/" + name }
func senderLayer(name string) string                          { return "sender/" + name }

// Layers returns the probe settings for a connector and, inbound, a sender, outermost first.
func (c *Config) Layers(tenant string, d mailflow.Direction, connector, sender string) []probes.SettingsOverride {
	layers := []probes.SettingsOverride{c.probe}
	keys := []string{tenantLayer, connectorLayer(d, connector)}
	if sender != "" {
		keys = append(keys, senderLayer(sender))
	}
	settings := c.settings(tenant)
	for _, key := range keys {
		if l, ok := settings.layers[key]; ok {
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
		ExchangeOnline: defaultExchangeOnline(),

		Checks:  map[string]string{},
		Modules: map[string]probes.SettingsOverride{"default": {}},
	}
}
