package exchangeonline

import (
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

// clouds are those of https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud. For China
// other texts name partner.outlook.cn: UNCERTAIN, and the key endpoint can say so.
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
	Cloud    mailflow.Cloud // empty: by the initial domain, else worldwide
	ClientID string         // of the application
	// Authority and Endpoint are https URLs that replace the hosts of the cloud; empty: those of the cloud.
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

func (t *Tenant) authority() string { return override(t.Authority, t.cloud().authority) }

func (t *Tenant) endpoint() string { return override(t.Endpoint, t.cloud().endpoint) }

func override(configured, standard string) string {
	if configured != "" {
		return strings.TrimSuffix(configured, "/")
	}
	return standard
}

// scope is what a token is requested for: the application permissions that are granted on Exchange Online. It names
// the cloud's resource even where requests go through another host.
func (t *Tenant) scope() string { return t.cloud().endpoint + "/.default" }

// ConsentURL is the page on which an administrator of the tenant grants the application its permission.
func (t *Tenant) ConsentURL() string {
	q := url.Values{"client_id": {t.ClientID}, "scope": {t.scope()}}
	return t.authority() + "/" + url.PathEscape(t.ID) + "/adminconsent?" + q.Encode()
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// IsGUID reports whether a text is a GUID, as Microsoft writes the ids of tenants and applications.
func IsGUID(text string) bool { return guid.MatchString(text) }

// same reports whether two tenants are read in the same way.
func (t *Tenant) same(other *Tenant) bool {
	return t.Name == other.Name && t.ID == other.ID && t.ClientID == other.ClientID &&
		t.authority() == other.authority() && t.endpoint() == other.endpoint() &&
		t.Credential.fingerprint == other.Credential.fingerprint
}
