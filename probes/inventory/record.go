package inventory

import (
	"errors"
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

// kindOf returns the kind of a record by its keys, whatever its file is called; 0 where it is none.
func kindOf(record Value) Kind {
	has := func(keys ...string) bool {
		return slices.ContainsFunc(record.Keys, func(k string) bool { return slices.Contains(keys, k) })
	}
	switch {
	case has("domainname") && has("domaintype", "initialdomain", "default"):
		return AcceptedDomains
	case has("smarthosts", "usemxrecord", "recipientdomains", "tlssettings"):
		return OutboundConnectors
	case has("senderdomains", "senderipaddresses", "requiretls", "tlssendercertificatename"):
		return InboundConnectors
	default:
		return 0
	}
}

// addRecord decodes a record of an export and adds it, or replaces the one of the same name, which it reports. A
// record without a name is left out.
func (s *Snapshot) addRecord(d Decoder, k Kind, record Value) (replaced bool) {
	place := func(key, name string) (i int, ok bool) {
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
	return replaced
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
