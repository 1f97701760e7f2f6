package inventory

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"m365_connector_exporter/probes/mailflow"
)

// Property is a property of the records that a cmdlet returns.
type Property struct {
	Field string // of the struct in mailflow; "" if the property is known but not used
	Key   string // in the configuration
	Name  string // in an export; compared without regard to case
	Type  Type   // nil if there is no Field

	// Judged is set if a check depends on whether the value is empty, so that a record without the property must be
	// distinguished from one in which it is empty. Until it is read, the property is listed in MissingProperties.
	Judged bool
}

// judged is the value of [Property.Judged] in the tables below.
const judged = true

// Properties returns the properties of records of one kind.
func Properties(k Kind) []Property {
	switch k {
	case AcceptedDomains:
		return acceptedDomainProperties
	case OutboundConnectors:
		return outboundProperties()
	case InboundConnectors:
		return inboundProperties()
	default:
		return organizationProperties[k]
	}
}

var organizationProperties = map[Kind][]Property{
	OrganizationConfigs: organizationConfigProperties,
	TransportRules:      transportRuleProperties,
	BlockedConnectors:   blockedConnectorProperties,
	OnPremServers:       onPremServerProperties,
	Exemptions:          exemptionProperties,
	ConnectorRoutes:     connectorRouteProperties,
	IPv6Statuses:        ipv6StatusProperties,
	DANEStatuses:        daneStatusProperties,
	DNSSECStatuses:      dnssecStatusProperties,
}

var (
	outboundProperties = sync.OnceValue(func() []Property { return slices.Concat(commonProperties, outboundOnly) })
	inboundProperties  = sync.OnceValue(func() []Property { return slices.Concat(commonProperties, inboundOnly) })
)

// Types that several entries of the tables have.
var (
	anyText         = required(nil)
	anyTexts        = listOf(nil)
	domainPattern   = optional(required(parseDomainPattern))
	certificateName = optional(required(parseCertificateName))
	tlsSettings     = optional(closedEnum(1, "EncryptionOnly", "CertificateValidation", "DomainValidation"))
)

// acceptedDomainProperties are those of Get-AcceptedDomain: Field, Key, Name, Type, Judged.
var acceptedDomainProperties = []Property{
	{"Name", "domain_name", "DomainName", required(ParseDomain), false},
	{"Type", "domain_type", "DomainType", enum(0, "Authoritative", "ExternalRelay", "InternalRelay"), false},
	{"MatchSubDomains", "match_sub_domains", "MatchSubDomains", flag, false},
	{"Default", "default", "Default", flag, false},
	{"Initial", "initial_domain", "InitialDomain", flag, false},
	{"OutboundOnly", "outbound_only", "OutboundOnly", flag, false},
	{"PendingRemoval", "pending_removal", "PendingRemoval", flag, false},
	{"", "pending_completion", "PendingCompletion", nil, false},
	{"SendingFromDisabled", "sending_from_domain_disabled", "SendingFromDomainDisabled", flag, false},
	{"SendingToDisabled", "sending_to_domain_disabled", "SendingToDomainDisabled", flag, false},
	{"", "smtp_dane_status", "SmtpDaneStatus", nil, false},
	{"", "authentication_type", "AuthenticationType", nil, false},
	{"", "is_coexistence_domain", "IsCoexistenceDomain", nil, false},
	{"", "can_have_cloud_cache", "CanHaveCloudCache", nil, false},
	{"", "mail_flow_region", "MailFlowRegion", nil, false},
	{"", "enable_nego2_authentication", "EnableNego2Authentication", nil, false},
	{"", "catch_all_recipient_id", "CatchAllRecipientID", nil, false},
}

// commonProperties are those of Get-OutboundConnector and Get-InboundConnector.
var commonProperties = []Property{
	{"Name", "name", "Name", label, false},
	{"Comment", "comment", "Comment", comment, false},
	{"Type", "connector_type", "ConnectorType", closedEnum(1, "OnPremises", "Partner"), false},
	{"Source", "connector_source", "ConnectorSource", anyText, false},
	{"Enabled", "enabled", "Enabled", flag, false},
	{"CloudServicesMailEnabled", "cloud_services_mail_enabled", "CloudServicesMailEnabled", flag, false},
	{"WhenCreated", "when_created_utc", "WhenCreatedUTC", moment, false},
	{"WhenChanged", "when_changed_utc", "WhenChangedUTC", moment, false},
	{"GUID", "guid", "Guid", anyText, false},
	{"", "identity", "Identity", nil, false},
	{"", "when_created", "WhenCreated", nil, false},
	{"", "when_changed", "WhenChanged", nil, false},
	{"", "exchange_object_id", "ExchangeObjectId", nil, false},
	{"", "is_valid", "IsValid", nil, false},
	{"", "object_state", "ObjectState", nil, false},
	{"", "organization_id", "OrganizationId", nil, false},
	{"", "distinguished_name", "DistinguishedName", nil, false},
	{"", "name_hash_guid", "NameHashGuid", nil, false},
	{"", "organizational_unit_root", "OrganizationalUnitRoot", nil, false},
	{"", "originating_server", "OriginatingServer", nil, false},
	{"", "admin_display_name", "AdminDisplayName", nil, false},
}

// outboundOnly are those of Get-OutboundConnector alone.
var outboundOnly = []Property{
	{"RecipientDomains", "recipient_domains", "RecipientDomains", listOf(parseDomainPattern), judged},
	{"AllAcceptedDomains", "all_accepted_domains", "AllAcceptedDomains", flag, false},
	{"IsTransportRuleScoped", "is_transport_rule_scoped", "IsTransportRuleScoped", flag, false},
	{"UseMXRecord", "use_mx_record", "UseMXRecord", flag, false},
	{"SmartHosts", "smart_hosts", "SmartHosts", listOf(ParseSmartHost), judged},
	{"TLSSettings", "tls_settings", "TlsSettings", tlsSettings, judged},
	{"TLSDomain", "tls_domain", "TlsDomain", domainPattern, judged},
	{"RouteAllMessagesViaOnPremises", "route_all_messages_via_on_premises", "RouteAllMessagesViaOnPremises", flag, false},
	{"SenderRewritingEnabled", "sender_rewriting_enabled", "SenderRewritingEnabled", flag, false},
	{"MTASTSMode", "mta_sts_mode", "MtaStsMode", anyText, false},
	{"SMTPDANEMode", "smtp_dane_mode", "SmtpDaneMode", anyText, false},
	{"TestMode", "test_mode", "TestMode", flag, false},
	{"IsValidated", "is_validated", "IsValidated", flag, false},
	{"LastValidation", "last_validation_timestamp", "LastValidationTimestamp", moment, false},
	{"ValidationRecipients", "validation_recipients", "ValidationRecipients", listOf(ParseMailbox), false},
	{"", "link_for_modified_connector", "LinkForModifiedConnector", nil, false},
}

// inboundOnly are those of Get-InboundConnector alone.
var inboundOnly = []Property{
	{"SenderDomains", "sender_domains", "SenderDomains", listOf(parseDomainPattern), false},
	{"SenderIPAddresses", "sender_ip_addresses", "SenderIPAddresses", listOf(parseNetwork), judged},
	{"RestrictDomainsToIPAddresses", "restrict_domains_to_ip_addresses", "RestrictDomainsToIPAddresses", flag, false},
	{"RestrictDomainsToCertificate", "restrict_domains_to_certificate", "RestrictDomainsToCertificate", flag, false},
	{"RequireTLS", "require_tls", "RequireTls", flag, false},
	{"TLSSenderCertificateName", "tls_sender_certificate_name", "TlsSenderCertificateName", certificateName, judged},
	{"AssociatedAcceptedDomains", "associated_accepted_domains", "AssociatedAcceptedDomains", anyTexts, false},
	{"TreatMessagesAsInternal", "treat_messages_as_internal", "TreatMessagesAsInternal", flag, false},
	{"EFSkipLastIP", "ef_skip_last_ip", "EFSkipLastIP", flag, false},
	{"EFSkipIPs", "ef_skip_ips", "EFSkipIPs", listOf(parseNetworkOrRange), false},
	{"EFUsers", "ef_users", "EFUsers", anyTexts, false},
	{"TrustedOrganizations", "trusted_organizations", "TrustedOrganizations", anyTexts, false},
	{"ClientHostNames", "client_host_names", "ClientHostNames", anyTexts, false},
	{"", "ef_skip_mail_gateway", "EFSkipMailGateway", nil, false},
	{"", "ef_test_mode", "EFTestMode", nil, false},
	{"", "scan_and_drop_recipients", "ScanAndDropRecipients", nil, false},
}

// Decode decodes a value of the property into its field of record, which is a pointer to a struct of mailflow.
func (p Property) Decode(d Decoder, v Value, key string, record any) {
	if p.Type == nil {
		return
	}
	value, ok := p.Type(d, v, key)
	r := reflect.ValueOf(record).Elem()
	field := r.FieldByName(p.Field)
	field.Set(reflect.ValueOf(value).Convert(field.Type()))
	missing := missingProperties(record)
	switch {
	case missing == nil:
	case ok:
		*missing = without(*missing, p.Key)
	case field.Kind() != reflect.String && field.Kind() != reflect.Slice: // its type has a value for unknown
	case d.Export && !slices.Contains(*missing, p.Key):
		*missing = append(*missing, p.Key)
	}
}

// missingProperties returns the MissingProperties of a connector, nil for other records.
func missingProperties(record any) *[]string {
	switch c := record.(type) {
	case *mailflow.OutboundConnector:
		return &c.MissingProperties
	case *mailflow.InboundConnector:
		return &c.MissingProperties
	default:
		return nil
	}
}

// without returns a copy of the list without an item, nil if nothing is left.
func without(list []string, item string) []string {
	var rest []string
	for _, one := range list {
		if one != item {
			rest = append(rest, one)
		}
	}
	return rest
}

// judgedKeys returns the keys of the Judged properties of a kind.
func judgedKeys(k Kind) []string {
	var keys []string
	for _, p := range Properties(k) {
		if p.Judged {
			keys = append(keys, p.Key)
		}
	}
	return keys
}

// byName indexes the properties of each kind by their names in lower case.
var byName = sync.OnceValue(func() map[Kind]map[string]Property {
	all := map[Kind]map[string]Property{}
	for _, k := range kinds {
		all[k] = map[string]Property{}
		for _, p := range Properties(k) {
			all[k][strings.ToLower(p.Name)] = p
		}
	}
	return all
})

// isProperty reports whether any kind has a property of this name, in lower case. Microsoft365DSC writes the kind to
// ResourceName, and the scripts of deploy/powershell write it to Cmdlet.
func isProperty(name string) bool {
	if name == "resourcename" || name == "ensure" || name == "cmdlet" {
		return true
	}
	for _, k := range kinds {
		if _, known := byName()[k][name]; known {
			return true
		}
	}
	return false
}
