package inventory

import (
	"path/filepath"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// Kind is what a record is; of a file, what its records are.
type Kind uint16

// The kinds of records. Every tenant has records of the first three, or none of them is known.
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

// requiredKinds are the kinds without which a tenant is not known. The others may be missing: what rests on them is
// then not judged.
const requiredKinds = AcceptedDomains | OutboundConnectors | InboundConnectors

// undocumented are the kinds of cmdlets of which Microsoft documents no property, or so few that the keys of a record
// may not show what it is. The name of the file, or the key around the records, may show it.
const undocumented = BlockedConnectors | Exemptions | ConnectorRoutes | IPv6Statuses | DANEStatuses

// kindInfo is what a kind is called, and the cmdlet that returns its records.
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

// IsReport reports whether all records are neither connectors nor accepted domains.
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

// KindOfCmdlet returns the kind of the records that a cmdlet returns, 0 for another cmdlet.
func KindOfCmdlet(c mailflow.Cmdlet) Kind {
	return kindWhere(func(info kindInfo) bool { return strings.EqualFold(string(info.cmdlet), string(c)) })
}

// kindOfFile returns the kind of records that a file is for by its name, which is that of the cmdlet with or without
// "Get-", as deploy/powershell names it; 0 for another name. It decides only where no key of a record does: in a file
// without records, and in one of an undocumented cmdlet.
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
