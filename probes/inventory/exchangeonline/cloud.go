package exchangeonline

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// cloud are the hosts of one of Microsoft's clouds.
type cloud struct {
	authority string // Microsoft Entra ID
	endpoint  string // Exchange Online, also the resource that a token is for
}

// clouds are those of https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud. UNCERTAIN:
// other texts name partner.outlook.cn for China, which the key endpoint can set.
var clouds = map[mailflow.Cloud]cloud{
	mailflow.Worldwide: {"https://login.microsoftonline.com", "https://outlook.office365.com"},
	mailflow.GCCHigh:   {"https://login.microsoftonline.us", "https://outlook.office365.us"},
	mailflow.DoD:       {"https://login.microsoftonline.us", "https://outlook-dod.office365.us"},
	mailflow.China:     {"https://login.partner.microsoftonline.cn", "https://outlook.office365.cn"},
}

// Tenant is an organization to read.
type Tenant struct {
	Name     string         // in the configuration
	ID       string         // a GUID, or the initial domain
	Cloud    mailflow.Cloud // "" means that of the initial domain, else worldwide
	ClientID string         // of the application
	// Authority and Endpoint are https URLs that replace the hosts of the cloud; "" does not.
	Authority, Endpoint string
	Credential          Credential
}

// cloud returns the hosts of the tenant.
func (t *Tenant) cloud() cloud {
	c := t.Cloud
	switch {
	case c != "":
	case strings.HasSuffix(t.ID, ".onmicrosoft.us"):
		c = mailflow.GCCHigh
	case strings.HasSuffix(t.ID, ".onmschina.cn"):
		c = mailflow.China
	default:
		c = mailflow.Worldwide
	}
	return clouds[c]
}

func (t *Tenant) authority() string {
	return cmp.Or(strings.TrimSuffix(t.Authority, "/"), t.cloud().authority)
}

func (t *Tenant) endpoint() string {
	return cmp.Or(strings.TrimSuffix(t.Endpoint, "/"), t.cloud().endpoint)
}

// scope returns the scope of a token: all application permissions that are granted on Exchange Online. It names the
// resource of the cloud even if requests go to another host.
func (t *Tenant) scope() string { return t.cloud().endpoint + "/.default" }

// ConsentURL returns the page on which an administrator of the tenant grants the application its permission.
func (t *Tenant) ConsentURL() string {
	q := url.Values{"client_id": {t.ClientID}, "scope": {t.scope()}}
	return t.authority() + "/" + url.PathEscape(t.ID) + "/adminconsent?" + q.Encode()
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// IsGUID reports whether text is a GUID, the form of Microsoft's tenant and application ids.
func IsGUID(text string) bool { return guid.MatchString(text) }

// same reports whether two tenants are read in the same way.
func (t *Tenant) same(other *Tenant) bool {
	return t.Name == other.Name && t.ID == other.ID && t.ClientID == other.ClientID &&
		t.authority() == other.authority() && t.endpoint() == other.endpoint() &&
		t.Credential.fingerprint == other.Credential.fingerprint
}
