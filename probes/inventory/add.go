package inventory

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// addRecord decodes a record and adds it, or replaces the record of the same name; replaced reports which. It returns
// the name. A record without a name is left out.
func (s *Snapshot) addRecord(d Decoder, k Kind, record Value) (name string, replaced bool) {
	switch k {
	case AcceptedDomains:
		return addNamed(s, d, k, record, &s.AcceptedDomains, func(a *mailflow.AcceptedDomain) *string { return &a.Name })
	case OutboundConnectors:
		return addNamed(s, d, k, record, &s.Outbound, func(c *mailflow.OutboundConnector) *string { return &c.Name })
	case InboundConnectors:
		return addNamed(s, d, k, record, &s.Inbound, func(c *mailflow.InboundConnector) *string { return &c.Name })
	default:
		return s.addToOrganization(d, k, record)
	}
}

// addToOrganization is addRecord for a record that is neither a connector nor an accepted domain.
func (s *Snapshot) addToOrganization(d Decoder, k Kind, record Value) (name string, replaced bool) {
	o := &s.Organization
	domainOf := func(status *mailflow.DomainStatus) *string { return &status.Domain }
	switch k {
	case OrganizationConfigs: // one record, whose name does not matter
		decodeRecord(d, k, record, o)
		return string(mailflow.GetOrganizationConfig), false
	case TransportRules:
		return addNamed(s, d, k, record, &o.Rules, func(r *mailflow.TransportRule) *string { return &r.Name })
	case BlockedConnectors:
		return addNamed(s, d, k, record, &o.Blocked, func(b *mailflow.BlockedConnector) *string {
			if b.ConnectorID == "" {
				return &b.Name
			}
			return &b.ConnectorID
		})
	case OnPremServers:
		return addNamed(s, d, k, record, &o.Servers, func(v *mailflow.OnPremServer) *string { return &v.Name })
	case Exemptions:
		return addNamed(s, d, k, record, &o.Exemptions, func(e *mailflow.Exemption) *string { return &e.Scenario })
	case ConnectorRoutes:
		return s.addRoute(d, record)
	case IPv6Statuses:
		return addNamed(s, d, k, record, &o.IPv6, domainOf)
	case DANEStatuses:
		return addNamed(s, d, k, record, &o.DANE, domainOf)
	default:
		return addNamed(s, d, k, record, &o.DNSSEC, domainOf)
	}
}

// addRoute adds a row of Get-OutboundConnectorReport. A domain may have several.
func (s *Snapshot) addRoute(d Decoder, record Value) (name string, replaced bool) {
	routes := &s.Organization.Routes
	domain := func(r *mailflow.ConnectorRoute) *string { return &r.Domain }
	var rows []mailflow.ConnectorRoute
	if name, _ = addNamed(&Snapshot{}, d, ConnectorRoutes, record, &rows, domain); name == "" {
		return "", false
	}
	i, known := s.index(ConnectorRoutes)[name]
	if !known {
		s.index(ConnectorRoutes)[name], *routes = len(*routes), append(*routes, rows[0])
		return name, false
	}
	r := &(*routes)[i]
	if other := rows[0].Connector; other != r.Connector && !slices.Contains(r.More, other) {
		r.More = append(r.More, other)
	}
	return name, false
}

// addNamed decodes a record and adds it to a list in which names are unique. name returns the field with the name.
func addNamed[R any](
	s *Snapshot, d Decoder, k Kind, record Value, list *[]R, name func(*R) *string,
) (called string, replaced bool) {
	var one R
	decodeRecord(d, k, record, &one)
	at := name(&one)
	*at = nameOf(record, k, *at)
	if *at == "" {
		d.Report(Value{}, nameProperty(k), errors.New("the record has no name and is left out"))
		return "", false
	}
	i, replaced := s.index(k)[*at]
	if !replaced {
		i = len(*list)
		s.index(k)[*at], *list = i, append(*list, one)
	}
	(*list)[i] = one
	return *at, replaced
}

// nameProperty is the property that names the records of a kind.
func nameProperty(k Kind) string {
	switch k {
	case BlockedConnectors:
		return "ConnectorId"
	case OnPremServers:
		return "ServerFQDN"
	case Exemptions:
		return "BlockingScenario"
	case OutboundConnectors, InboundConnectors, TransportRules:
		return "Name"
	default:
		return "DomainName"
	}
}

// nameOf falls back to Identity, which in Exchange Online equals the name of a connector or rule, and in
// Microsoft365DSC that of a domain.
func nameOf(record Value, k Kind, name string) string {
	identity := record.get("identity", Text, Number).Text
	switch k {
	case AcceptedDomains:
		if !slices.Contains(record.Keys, "domainname") {
			name, _ = ParseDomain(identity)
		}
	case OutboundConnectors, InboundConnectors, TransportRules:
		if name == "" && !strings.ContainsFunc(identity, IsControl) {
			return identity
		}
	}
	return name
}

// Find returns the index of the connector or accepted domain of this name in the list of its kind. If there is none, or
// the name is empty, it appends an empty record.
func (s *Snapshot) Find(k Kind, name string) int {
	if i, ok := s.index(k)[name]; ok && name != "" {
		return i
	}
	var i int
	switch k {
	case AcceptedDomains:
		i, s.AcceptedDomains = len(s.AcceptedDomains), append(s.AcceptedDomains, mailflow.AcceptedDomain{})
	case OutboundConnectors:
		i, s.Outbound = len(s.Outbound), append(s.Outbound, mailflow.OutboundConnector{})
	default:
		i, s.Inbound = len(s.Inbound), append(s.Inbound, mailflow.InboundConnector{})
	}
	s.index(k)[name] = i
	return i
}

// Names returns the names of all records of a kind, in no particular order.
func (s *Snapshot) Names(k Kind) []string { return slices.Collect(maps.Keys(s.index(k))) }

// index returns the positions of the records of a kind in their list, by name.
func (s *Snapshot) index(k Kind) map[string]int {
	if s.at == nil {
		s.at = map[Kind]map[string]int{}
	}
	if s.at[k] == nil {
		s.at[k] = map[string]int{}
	}
	return s.at[k]
}

// AddRead notes that all records of these kinds are known, even if there are none.
func (s *Snapshot) AddRead(k Kind) {
	for _, c := range k.cmdlets() {
		if !s.Organization.HasRead(c) {
			s.Organization.Read = append(s.Organization.Read, c)
		}
	}
}

// decodeRecord decodes the properties of a record into a struct of mailflow.
func decodeRecord(d Decoder, k Kind, record Value, into any) {
	if missing := missingProperties(into); missing != nil {
		*missing = judgedKeys(k)
	}
	properties := byName()[k]
	for i, key := range record.Keys {
		p, known := properties[key]
		switch {
		case !known: // of another kind
		case k&requiredKinds == 0 && record.Items[i].Shape == Null: // another key may have the value
		case slices.Contains(record.Keys[:i], key):
			d.Report(record.Items[i], p.Name, errors.New("duplicate key"))
		default:
			p.Decode(d, record.Items[i], p.Name, into)
		}
	}
}
