package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// recordKey identifies a record of a snapshot: by its name or, if it has none, by its place.
type recordKey struct {
	kind        Kind
	name, place string
}

func keyOfRecord(k Kind, name, file string, record int) recordKey {
	if name != "" {
		return recordKey{kind: k, name: name}
	}
	return recordKey{kind: k, place: file + "\x00" + strconv.Itoa(record)}
}

// addUnread adds a value that cannot be read to those of its record, with one entry per property.
func addUnread(values []mailflow.UnreadValue, k Kind, v Value, place string, problem error) []mailflow.UnreadValue {
	name, _, _ := strings.Cut(place, "[")
	property := byName()[k][strings.ToLower(name)].Key
	for i := range values {
		if values[i].Property == property {
			values[i].Count++
			return values
		}
	}
	return append(values, mailflow.UnreadValue{
		Property: property, Place: place, Kind: v.Kind(), Problem: problem.Error(), Count: 1,
	})
}

// setUnread sets the values of a record that cannot be read. They replace those of an earlier record of the same name.
func (s *Snapshot) setUnread(k Kind, unread mailflow.UnreadRecord) {
	key := keyOfRecord(k, unread.Name, unread.File, unread.Record)
	if len(unread.Values) == 0 {
		delete(s.unread, key)
		return
	}
	switch k {
	case OutboundConnectors:
		unread.Direction = mailflow.Outbound
	case InboundConnectors:
		unread.Direction = mailflow.Inbound
	}
	if s.unread == nil {
		s.unread = map[recordKey]*mailflow.UnreadRecord{}
	}
	s.unread[key] = &unread
}

// Override removes properties of a record from those that cannot be read, because they are configured elsewhere.
func (s *Snapshot) Override(k Kind, name string, properties []string) {
	unread := s.unread[recordKey{kind: k, name: name}]
	if unread == nil {
		return
	}
	unread.Values = slices.DeleteFunc(unread.Values, func(v mailflow.UnreadValue) bool {
		return slices.Contains(properties, v.Property)
	})
	s.listUnread()
}

// listUnread sets Unread, in the order of files and records.
func (s *Snapshot) listUnread() {
	s.Unread = nil
	for _, unread := range slices.SortedFunc(maps.Values(s.unread), func(a, b *mailflow.UnreadRecord) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Record, b.Record))
	}) {
		if len(unread.Values) > 0 {
			s.Unread = append(s.Unread, *unread)
		}
	}
}
