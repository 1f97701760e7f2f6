package inventory

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// Kind is what a record is; of a file, what its records are.
type Kind uint8

// The kinds of records.
const (
	AcceptedDomains Kind = 1 << iota
	OutboundConnectors
	InboundConnectors
)

var kinds = []Kind{AcceptedDomains, OutboundConnectors, InboundConnectors}

// String names all kinds in k.
func (k Kind) String() string {
	var names []string
	for i, name := range []string{"accepted domains", "outbound connectors", "inbound connectors"} {
		if k&kinds[i] != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}

// kindOf returns the kind of a record by its keys, whatever its file is called; 0, and what it is, where it is not a
// record of a kind.
func kindOf(record Value) (Kind, other) {
	has := func(keys ...string) bool {
		return slices.ContainsFunc(record.Keys, func(k string) bool { return slices.Contains(keys, k) })
	}
	switch {
	case has("resourcename"):
		return kindOfResource(record), notConnector
	case has(sendKeys...):
		return 0, sendConnector
	case has(receiveKeys...):
		return 0, receiveConnector
	case has("domainname") && has("domaintype", "initialdomain", "default", "matchsubdomains", "outboundonly"):
		return AcceptedDomains, 0
	case has("smarthosts", "usemxrecord", "recipientdomains", "tlssettings"):
		return OutboundConnectors, 0
	case has("senderdomains", "senderipaddresses", "requiretls", "tlssendercertificatename"):
		return InboundConnectors, 0
	case has("connectortype"):
		return kindOfConnector(record)
	default:
		return 0, notConnector
	}
}

// kindOfConnector returns the kind of a connector that lacks the properties that matter most, because somebody has
// selected others.
func kindOfConnector(record Value) (Kind, other) {
	only := func(properties []Property) bool {
		return slices.ContainsFunc(properties, func(p Property) bool {
			return slices.Contains(record.Keys, strings.ToLower(p.Name))
		})
	}
	switch outbound, inbound := only(outboundOnly), only(inboundOnly); {
	case outbound && !inbound:
		return OutboundConnectors, 0
	case inbound && !outbound:
		return InboundConnectors, 0
	default:
		return 0, noDirection
	}
}

// kindOfResource returns the kind of a resource of Microsoft365DSC, as ConvertTo-DSCObject and its JSON report have it.
func kindOfResource(record Value) Kind {
	if strings.EqualFold(record.get("ensure", Text).Text, "Absent") {
		return 0
	}
	switch strings.ToLower(record.get("resourcename", Text).Text) {
	case "exoaccepteddomain":
		return AcceptedDomains
	case "exooutboundconnector":
		return OutboundConnectors
	case "exoinboundconnector":
		return InboundConnectors
	default:
		return 0
	}
}

// addRecord decodes a record of an export and adds it, or replaces the one of the same name, which it reports. It
// returns the name. A record without a name is left out.
func (s *Snapshot) addRecord(d Decoder, k Kind, record Value) (name string, replaced bool) {
	place := func(key, called string) (i int, ok bool) {
		name = called
		if name == "" {
			d.Report(Value{}, key, errors.New("the record has no name and is left out"))
			return 0, false
		}
		_, replaced = s.index(k)[name]
		return s.Find(k, name), true
	}
	switch k {
	case AcceptedDomains:
		var domain mailflow.AcceptedDomain
		decodeRecord(d, k, record, &domain)
		if !slices.Contains(record.Keys, "domainname") { // Microsoft365DSC
			domain.Name, _ = ParseDomain(record.get("identity", Text).Text)
		}
		if i, ok := place("DomainName", domain.Name); ok {
			s.AcceptedDomains[i] = domain
		}
	case OutboundConnectors:
		var c mailflow.OutboundConnector
		decodeRecord(d, k, record, &c)
		c.Name = nameOf(record, c.Name)
		if i, ok := place("Name", c.Name); ok {
			s.Outbound[i] = c
		}
	default:
		var c mailflow.InboundConnector
		decodeRecord(d, k, record, &c)
		c.Name = nameOf(record, c.Name)
		if i, ok := place("Name", c.Name); ok {
			s.Inbound[i] = c
		}
	}
	return name, replaced
}

// Find returns the index of the record of this name in the list of its kind. Where there is none yet, or the name is
// empty, an empty record is appended.
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

// Names returns the names of all records of a kind, in no order.
func (s *Snapshot) Names(k Kind) []string { return slices.Collect(maps.Keys(s.index(k))) }

// index returns where the records of a kind are, by name.
func (s *Snapshot) index(k Kind) map[string]int {
	if s.at == nil {
		s.at = map[Kind]map[string]int{}
	}
	if s.at[k] == nil {
		s.at[k] = map[string]int{}
	}
	return s.at[k]
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
		case slices.Contains(record.Keys[:i], key):
			d.Report(record.Items[i], p.Name, errors.New("duplicate key"))
		default:
			p.Decode(d, record.Items[i], p.Name, into)
		}
	}
}

// nameOf falls back to Identity, which in Exchange Online equals Name.
func nameOf(record Value, name string) string {
	identity := record.get("identity", Text, Number).Text
	if name != "" || strings.ContainsFunc(identity, IsControl) {
		return name
	}
	return identity
}
