package inventory

import (
	"path/filepath"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// Kind is the kind of a record, or a set of kinds: those of the records of a file.
type Kind uint16

// The kinds of records, in the order of mailflow's cmdlets.
const (
	AcceptedDomains Kind = 1 << iota
	OutboundConnectors
	InboundConnectors
	OrganizationConfigs
	TransportRules
	BlockedConnectors
	OnPremServers
	Exemptions
	ConnectorRoutes
	IPv6Statuses
	DANEStatuses
	DNSSECStatuses
)

// requiredKinds are the kinds that an inventory must have. The others are optional: checks that need them are skipped
// if they are missing.
const requiredKinds = AcceptedDomains | OutboundConnectors | InboundConnectors

// undocumented are the kinds of which Microsoft documents no property, or too few to determine the kind of a record by
// its keys. The name of the file, or the key that contains the records, may determine it.
const undocumented = BlockedConnectors | Exemptions | ConnectorRoutes | IPv6Statuses | DANEStatuses

// kindInfo is the name of a kind, and the cmdlet that returns its records.
type kindInfo struct {
	kind   Kind
	name   string
	cmdlet mailflow.Cmdlet
}

var kindTable = []kindInfo{
	{AcceptedDomains, "accepted domains", mailflow.GetAcceptedDomain},
	{OutboundConnectors, "outbound connectors", mailflow.GetOutboundConnector},
	{InboundConnectors, "inbound connectors", mailflow.GetInboundConnector},
	{OrganizationConfigs, "organization configuration", mailflow.GetOrganizationConfig},
	{TransportRules, "mail flow rules", mailflow.GetTransportRule},
	{BlockedConnectors, "blocked connectors", mailflow.GetBlockedConnector},
	{OnPremServers, "on-premises servers", mailflow.GetOnPremServerReport},
	{Exemptions, "exemptions", mailflow.GetTenantExemption},
	{ConnectorRoutes, "connectors by domain", mailflow.GetOutboundReport},
	{IPv6Statuses, "IPv6 status", mailflow.GetIPv6Status},
	{DANEStatuses, "DANE status", mailflow.GetSMTPDANEInboundStatus},
	{DNSSECStatuses, "DNSSEC status", mailflow.GetDNSSECStatus},
}

var kinds = func() []Kind {
	var all []Kind
	for _, k := range kindTable {
		all = append(all, k.kind)
	}
	return all
}()

// String names all kinds in k.
func (k Kind) String() string {
	var names []string
	for _, info := range kindTable {
		if k&info.kind != 0 {
			names = append(names, info.name)
		}
	}
	return strings.Join(names, " and ")
}

// IsReport reports whether k has optional kinds only.
func (k Kind) IsReport() bool { return k != 0 && k&requiredKinds == 0 }

// cmdlets returns the cmdlets that return records of the kinds.
func (k Kind) cmdlets() []mailflow.Cmdlet {
	var all []mailflow.Cmdlet
	for _, info := range kindTable {
		if k&info.kind != 0 {
			all = append(all, info.cmdlet)
		}
	}
	return all
}

// kindOfCmdlet returns the kind of the records that a cmdlet returns, 0 for another cmdlet.
func kindOfCmdlet(c mailflow.Cmdlet) Kind {
	return kindWhere(func(info kindInfo) bool { return strings.EqualFold(string(info.cmdlet), string(c)) })
}

// kindOfFile returns the kind of records that a file has by its name: that of a cmdlet with or without "Get-", as
// deploy/powershell names its files; 0 for another name. It matters only if no key of a record determines the kind: in
// a file without records, and for the undocumented kinds.
func kindOfFile(path string) Kind {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return kindWhere(func(info kindInfo) bool {
		noun := strings.TrimPrefix(string(info.cmdlet), "Get-")
		return strings.EqualFold(name, noun) || strings.EqualFold(name, string(info.cmdlet))
	})
}

func kindWhere(is func(kindInfo) bool) Kind {
	if i := slices.IndexFunc(kindTable, is); i >= 0 {
		return kindTable[i].kind
	}
	return 0
}

// hasProperty reports whether a record has a property of the kind.
func hasProperty(k Kind, record Value) bool {
	return slices.ContainsFunc(record.Keys, func(key string) bool {
		_, known := byName()[k][key]
		return known
	})
}
