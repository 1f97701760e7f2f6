package exchangeonline

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"m365_connector_exporter/probes/inventory"
)

// Answer has the records that a cmdlet has returned.
type Answer struct {
	Time    time.Time
	Records []json.RawMessage
}

// Answers has the last answer of each cmdlet for one tenant.
type Answers struct {
	TenantID string            // as configured
	All      map[string]Answer // by the name of the cmdlet
}

// Complete reports whether there are answers of all required cmdlets.
func (a *Answers) Complete() bool {
	for _, c := range Cmdlets {
		if _, has := a.All[c.Name]; c.Required && !has {
			return false
		}
	}
	return true
}

// Time returns the time of the oldest answer of a required cmdlet.
func (a *Answers) Time() time.Time {
	var oldest time.Time
	for _, c := range Cmdlets {
		if t := a.All[c.Name].Time; c.Required && (oldest.IsZero() || t.Before(oldest)) {
			oldest = t
		}
	}
	return oldest
}

// header is the part of a document besides the records.
type header struct {
	Source   string
	TenantID string `json:"TenantId"`
	Read     map[string]time.Time
}

// source is the Source in the header of a document.
const source = "Exchange Online"

// Document returns the answers as one export: a JSON object with the records of each cmdlet under its name. The fetch
// command and the cache write it, and package inventory decodes it. It contains no part of a credential.
func (a *Answers) Document() []byte {
	h := header{Source: source, TenantID: a.TenantID, Read: map[string]time.Time{}}
	for name, answer := range a.All {
		h.Read[name] = answer.Time.UTC().Truncate(time.Second)
	}
	var b bytes.Buffer
	head, err := json.Marshal(h)
	if err != nil {
		panic(err) // texts and times
	}
	b.Write(head[:len(head)-1])
	a.writeRecords(&b)
	b.WriteString("}\n")
	return b.Bytes()
}

// writeRecords writes the records of each cmdlet, one per line, in the order of Cmdlets.
func (a *Answers) writeRecords(b *bytes.Buffer) {
	for _, c := range Cmdlets {
		answer, has := a.All[c.Name]
		if !has {
			continue
		}
		b.WriteString(",\n\"" + c.Name + "\":[")
		for i, record := range answer.Records {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteByte('\n')
			if json.Compact(b, record) != nil {
				b.WriteString("null") // all records were parsed
			}
		}
		b.WriteByte(']')
	}
}

// revision returns a hash of the records, regardless of when they were read.
func (a *Answers) revision() string {
	var b bytes.Buffer
	b.WriteString(a.TenantID)
	a.writeRecords(&b)
	sum := sha256.Sum256(b.Bytes())
	return string(sum[:])
}

var errDocument = errors.New("not a document of the records of Exchange Online")

// parseDocument parses the output of [Answers.Document].
func parseDocument(data []byte) (Answers, error) {
	var h header
	var keys map[string]json.RawMessage
	if json.Unmarshal(data, &keys) != nil || json.Unmarshal(data, &h) != nil || h.Source != source {
		return Answers{}, errDocument
	}
	a := Answers{TenantID: h.TenantID, All: map[string]Answer{}}
	for _, c := range Cmdlets {
		value, has := keys[c.Name]
		if !has {
			continue
		}
		list, err := records(value)
		if err != nil {
			return Answers{}, errDocument
		}
		a.All[c.Name] = Answer{h.Read[c.Name], list}
	}
	if !a.Complete() {
		return Answers{}, errDocument
	}
	return a, nil
}

// Merge returns the answers after a read. A cmdlet that failed for a transient reason keeps its previous answer. If a
// required cmdlet failed, all of them do.
func (a *Answers) Merge(r Read) Answers {
	if !r.OK() {
		return *a
	}
	merged := Answers{TenantID: r.TenantID, All: map[string]Answer{}}
	for _, c := range Cmdlets {
		answer, has := r.Answers[c.Name]
		if f := r.Failures[c.Name]; !has && f != nil && f.transient() && strings.EqualFold(a.TenantID, r.TenantID) {
			answer, has = a.All[c.Name]
		}
		if has {
			merged.All[c.Name] = answer
		}
	}
	return merged
}

// export returns the answers as a source of records.
func (a *Answers) export(name string) inventory.Document {
	return inventory.Document{Name: name, Data: a.Document(), Time: a.Time()}
}
