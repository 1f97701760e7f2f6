package inventory

import (
	"errors"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// Answer is what one call of a cmdlet has returned.
type Answer struct {
	Cmdlet mailflow.Cmdlet
	Domain string // of a cmdlet that is called for one domain, for answers that do not repeat it
	Value  []byte // JSON: an array of records, one record, null, or {"value":[…]}
}

var (
	errNotKnown  = errors.New("not a cmdlet whose records are read")
	errPartial   = errors.New("more records are on another page (@odata.nextLink)")
	errNoRecords = errors.New("not a record of this cmdlet")
)

// AddAnswer adds the records of an answer to a snapshot, as those of an export: what cannot be read of a record is
// unknown, a warning and one of Unread. It returns an error where the answer is not JSON, has values that are not
// records of the cmdlet, or is one page of several; what it has is added then, too, but does not count as all of it.
//
// The caller sets Time.
func (s *Snapshot) AddAnswer(a Answer) error {
	kind := KindOfCmdlet(a.Cmdlet)
	if kind == 0 {
		return errNotKnown
	}
	e := export{file: strings.TrimSpace(string(a.Cmdlet) + " " + a.Domain), names: map[Kind]map[string]bool{}}
	strange := false
	rest, err := decodeJSON(a.Value, kind, func(k Kind, record Value) {
		if k != kind {
			strange = true
			return
		}
		e.add(s, k, a.withDomain(record))
	})
	s.Warnings = append(s.Warnings, e.warnings...)
	s.listUnread()
	if s.Parts == nil {
		s.Parts = map[string]Kind{}
	}
	s.Parts[e.file] = e.kinds
	switch {
	case err != nil:
		return err
	case strange || rest.skipped.any():
		return errNoRecords
	case rest.partial:
		return errPartial
	}
	s.addRead(kind)
	return nil
}

// withDomain adds the domain of the question to a record that does not have one.
func (a Answer) withDomain(record Value) Value {
	if a.Domain == "" || slices.Contains(record.Keys, "domainname") || slices.Contains(record.Keys, "domain") {
		return record
	}
	record.Keys = append(record.Keys, "domainname")
	record.Items = append(record.Items, Value{Shape: Text, Text: a.Domain})
	return record
}
