package microsoft365

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
)

// Properties are properties of a record that differ from the usual ones. A nil value writes null; [Absent] leaves the
// property out.
type Properties map[string]any

// Absent is the value of a property that a record does not have. Absent does not mean false.
type Absent struct{}

// The usual properties of each kind, as public clients saw them.
const (
	usualInbound = `{"Enabled":true,"ConnectorType":"OnPremises","ConnectorSource":"HybridWizard","Comment":"",
		"SenderIPAddresses":[],"SenderDomains":["smtp:*;1"],"TrustedOrganizations":[],"ClientHostNames":[],
		"AssociatedAcceptedDomains":[],"RequireTls":true,"RestrictDomainsToIPAddresses":false,
		"RestrictDomainsToCertificate":false,"CloudServicesMailEnabled":true,"TreatMessagesAsInternal":false,
		"TlsSenderCertificateName":null,"EFTestMode":false,"ScanAndDropRecipients":[],"EFSkipLastIP":false,
		"EFSkipIPs":[],"EFSkipMailGateway":[],"EFUsers":[],"AdminDisplayName":"",
		"WhenChangedUTC":"2026-07-23T22:55:13.0000000Z","WhenCreatedUTC":"2026-07-23T22:55:04.0000000Z",
		"ObjectState":"Changed","IsValid":true}`
	usualOutbound = `{"Enabled":true,"UseMXRecord":false,"Comment":"","ConnectorType":"OnPremises",
		"ConnectorSource":"AdminUI","RecipientDomains":[],"SmartHosts":[],"TlsDomain":null,
		"TlsSettings":"CertificateValidation","IsTransportRuleScoped":false,"RouteAllMessagesViaOnPremises":false,
		"CloudServicesMailEnabled":true,"AllAcceptedDomains":false,"SenderRewritingEnabled":false,
		"MtaStsMode":"Opportunistic","SmtpDaneMode":"Opportunistic","TestMode":false,"ValidationRecipients":[],
		"IsValidated":true,"LastValidationTimestamp":"2026-07-24T18:59:12.0000000",
		"WhenChangedUTC":"2026-07-23T22:55:13.0000000Z","WhenCreatedUTC":"2026-07-23T22:55:04.0000000Z",
		"ObjectState":"Unchanged","IsValid":true}`
	usualDomain = `{"DomainType":"Authoritative","MatchSubDomains":false,"Default":false,"InitialDomain":false,
		"OutboundOnly":false,"PendingRemoval":false,"PendingCompletion":false,"SmtpDaneStatus":"Disabled",
		"SendingFromDomainDisabled":false,"SendingToDomainDisabled":false,"AuthenticationType":"Managed",
		"IsCoexistenceDomain":false,"CanHaveCloudCache":false,"EnableNego2Authentication":false,
		"CatchAllRecipientID":null,"IsValid":true}`
	usualOrganization = `{"RejectDirectSend":false,"IsDehydrated":false,"MailTipsAllTipsEnabled":true,
		"DefaultMailboxRegion":"EUR","OAuth2ClientProfileEnabled":true,"ElcProcessingDisabled":false,
		"WhenChangedUTC":"2026-07-23T22:55:13.0000000Z","IsValid":true}`
	usualRule = `{"State":"Enabled","Mode":"Enforce","Priority":0,"RuleVersion":{"Major":15,"Minor":0},
		"RouteMessageOutboundConnector":null,"StopRuleProcessing":false,"Comments":"",
		"WhenChanged":"2026-07-23T22:55:13.0000000Z","IsValid":true}`
	usualServer = `{"Build":"15.1.2507.39","ExchangeServer":"Exchange2016",
		"FirstDetectedDate":"2026-02-01T00:00:00.0000000","RecommendedBuildVersions":"15.2.2562.17",
		"ThrottleEnabledDate":"2026-03-03T00:00:00.0000000","BlockingEnabledDate":"2026-04-02T00:00:00.0000000",
		"NextStageThrottleRate":10,"NextStageBlockRate":0,"NextStageStartDate":"2026-03-13T00:00:00.0000000"}`
	usualDnssec = `{"DnssecFeatureStatus":{"Value":"Disabled"},"ExpectedMxRecord":{"Record":null},"Errors":[],
		"Warnings":[],"DnsValidation":{"DnssecSupport":"Valid","Errors":[],"Warnings":[]},
		"MxValidation":{"Status":"Valid","ActualMxRecords":[],"Errors":[],"Warnings":[]},
		"MtaStsValidation":{"Status":"Valid","MtaStsAvailable":false,"MtaStsMode":"Unavailable","Errors":[],
		"Warnings":[]}}`
)

// Inbound returns a record of Get-InboundConnector.
func Inbound(name string, p Properties) json.RawMessage { return named(usualInbound, name, p) }

// Outbound returns a record of Get-OutboundConnector. It has other properties than an inbound one.
func Outbound(name string, p Properties) json.RawMessage { return named(usualOutbound, name, p) }

// AcceptedDomain returns a record of Get-AcceptedDomain.
func AcceptedDomain(domain string, p Properties) json.RawMessage {
	return build(usualDomain, Properties{
		"DomainName": domain, "Name": domain, "Identity": domain, "Guid": guidOf(domain),
	}, p)
}

// OrganizationConfig returns the record of Get-OrganizationConfig.
func OrganizationConfig(domain string, p Properties) json.RawMessage {
	return named(usualOrganization, domain, p)
}

// TransportRule returns a record of Get-TransportRule.
func TransportRule(name string, p Properties) json.RawMessage { return named(usualRule, name, p) }

// OnPremServer returns a record of Get-OnPremServerReportInfo. Its REST form has not been seen; the fields are those
// that PowerShell prints.
func OnPremServer(fqdn string, p Properties) json.RawMessage {
	return build(usualServer, Properties{"ServerFQDN": fqdn}, p)
}

// DnssecStatus returns the record of Get-DnssecStatusForVerifiedDomain, with the fields that PowerShell prints.
func DnssecStatus(p Properties) json.RawMessage { return build(usualDnssec, nil, p) }

// Other returns a record of a kind whose properties are not known: it has those that are given.
func Other(p Properties) json.RawMessage { return build("{}", nil, p) }

func named(usual, name string, p Properties) json.RawMessage {
	return build(usual, Properties{"Name": name, "Identity": name, "Guid": guidOf(name)}, p)
}

// build returns the usual properties with those that differ. It panics on a value that is not JSON, a mistake of the
// caller.
func build(usual string, more ...Properties) json.RawMessage {
	record := Properties{}
	if err := json.Unmarshal([]byte(usual), &record); err != nil {
		panic("microsoft365: " + err.Error())
	}
	for _, p := range more {
		maps.Copy(record, p)
	}
	maps.DeleteFunc(record, func(_ string, value any) bool { return value == Absent{} })
	text, err := json.Marshal(record)
	if err != nil {
		panic("microsoft365: " + err.Error())
	}
	return text
}

// guidOf returns a GUID that depends on a name only.
func guidOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

var fraction = regexp.MustCompile(`("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.0{7}(Z?")`)

// PowerShell returns records as "Get-X | ConvertTo-Json" of PowerShell 7 writes them: nothing for no record, an object
// for one, an array for more, indented, with dates without a fraction.
func PowerShell(records []json.RawMessage) []byte {
	var compact []byte
	switch len(records) {
	case 0:
		return nil
	case 1:
		compact = records[0]
	default:
		compact, _ = json.Marshal(records) // valid JSON
	}
	var indented bytes.Buffer
	if json.Indent(&indented, fraction.ReplaceAll(compact, []byte("$1$2")), "", "  ") != nil {
		return compact
	}
	return append(indented.Bytes(), '\n')
}
