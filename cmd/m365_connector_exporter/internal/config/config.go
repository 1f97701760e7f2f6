package config

import (
	"crypto/x509"
	"net/netip"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Config is a whole configuration, read and checked.
type Config struct {
	Global     Global
	Thresholds Thresholds
	Modules    map[string]probes.Layer
	Tenants    []mailflow.Tenant
	Warnings   []string

	file     string
	patterns []string // of tenant_files, absolute
	files    []string // read besides the main one
	layers   map[string]map[string]probes.Layer
	probe    probes.Layer
	problems Errors
}

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

// Thresholds say when an expiry is worth a warning. Both the ratio and the days must hold.
type Thresholds struct {
	WarningRatio, CriticalRatio float64
	WarningDays, CriticalDays   int
	ValidationMaxAge            time.Duration // 0 = off
	InventoryMaxAge             time.Duration
}

// Problems are the mistakes in the tenants' own files. They blind those tenants only.
func (c *Config) Problems() Errors { return c.problems }

// tenantLayer is the key of a tenant's own layer in layers; a connector's name is never empty.
const tenantLayer = ""

// Layers says what the configuration says about probing a connector, outermost first.
func (c *Config) Layers(tenant string, d mailflow.Direction, connector, _ string) []probes.Layer {
	layers := []probes.Layer{c.probe}
	own := c.layers[tenant]
	if l, ok := own[tenantLayer]; ok {
		layers = append(layers, l)
	}
	if l, ok := own[string(d)+"/"+connector]; ok {
		layers = append(layers, l)
	}
	return layers
}

func defaults() Config {
	day := 24 * time.Hour
	return Config{
		Global: Global{MaxConcurrent: 256, MaxConcurrentPerAddress: 1, MinGapPerAddress: time.Second},
		Thresholds: Thresholds{
			WarningRatio: 0.25, WarningDays: 30, CriticalRatio: 0.10, CriticalDays: 7,
			ValidationMaxAge: 90 * day, InventoryMaxAge: 8 * day,
		},
		Modules: map[string]probes.Layer{"default": {}},
		layers:  map[string]map[string]probes.Layer{},
	}
}
