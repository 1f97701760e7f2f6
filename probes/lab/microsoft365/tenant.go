package microsoft365

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Tenant is a customer of Microsoft 365.
type Tenant struct {
	ID     string // a GUID
	Domain string // the initial domain, for example contoso.onmicrosoft.com; URLs may have it instead of ID
	Cloud  Cloud  // "" answers at every host
	Region string // the first label of the tenant's regional host; "" does not redirect
	Apps   []App  // applications that the tenant has, by consent

	// Records has the records of each cmdlet, as JSON objects. Those of a cmdlet that answers for one domain are at
	// "Get-X domain". A cmdlet without an entry has no record.
	Records map[string][]json.RawMessage

	Denied   []string // cmdlets that the directory role does not allow: 403
	Missing  []string // cmdlets that the tenant does not have: 400
	PageSize int      // records per answer; 0 is what the request prefers
	Paging   Paging
	Sidecars bool     // name types: "Size@data.type" beside Size
	Warnings []string // added to every answer
}

// Paging is how an answer that does not contain all records is continued.
type Paging int

// Public clients contradict each other; each of these has been seen.
const (
	PagingWorks   Paging = iota // @odata.nextLink returns the next page of the same request
	PagingExpires               // @odata.nextLink is refused as expired
	PagingWarns                 // no @odata.nextLink, only a warning
)

// App is an application that a tenant has consented to.
type App struct {
	ID           string
	Secrets      []Secret
	Certificates [][]byte // DER

	AppRole       bool // Exchange.ManageAsApp
	DirectoryRole bool // for example Global Reader
}

// Secret is a client secret.
type Secret struct {
	Value   string
	Expires time.Time // zero never
}

// certificate returns the registered certificate with a SHA-256 fingerprint, nil if there is none.
func (a App) certificate(fingerprint []byte) []byte {
	for _, der := range a.Certificates {
		if sum := sha256.Sum256(der); slices.Equal(sum[:], fingerprint) {
			return der
		}
	}
	return nil
}

// app returns an application of the tenant, nil if the tenant does not have it.
func (t *Tenant) app(id string) *App {
	for i := range t.Apps {
		if strings.EqualFold(t.Apps[i].ID, id) {
			return &t.Apps[i]
		}
	}
	return nil
}

// clone returns a copy that shares no slice or map.
func (t *Tenant) clone() Tenant {
	c := *t
	c.Apps = slices.Clone(t.Apps)
	for i := range c.Apps {
		c.Apps[i].Secrets = slices.Clone(c.Apps[i].Secrets)
		c.Apps[i].Certificates = slices.Clone(c.Apps[i].Certificates)
	}
	c.Records = maps.Clone(t.Records)
	if c.Records == nil {
		c.Records = map[string][]json.RawMessage{}
	}
	for name := range c.Records {
		c.Records[name] = slices.Clone(c.Records[name])
	}
	c.Denied, c.Missing, c.Warnings = slices.Clone(t.Denied), slices.Clone(t.Missing), slices.Clone(t.Warnings)
	return c
}
