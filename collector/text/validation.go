// Package text words results for a terminal and, as JSON, for programs. Nothing of a peer reaches a terminal unescaped.
package text

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"m365_connector_exporter/probes"
)

// Item is one path with what its probe found.
type Item struct {
	Path   probes.Path
	Result probes.Result
}

// Options say how to print.
type Options struct{ Color bool }

// Validation prints each path like Microsoft's validation dialog: every stage, its outcome, the server's words, the remedy.
func Validation(w io.Writer, items []Item, o Options) error {
	p := &printer{color: o.Color}
	counts := map[probes.Outcome]int{}
	for _, item := range items {
		counts[item.Result.Outcome()]++
		p.item(item)
	}
	p.line("%d paths: %d passed, %d failed, %d inconclusive", len(items), counts[probes.Passed], counts[probes.Failed], counts[probes.Inconclusive])
	_, err := io.WriteString(w, p.b.String())
	return err
}

type printer struct {
	b     strings.Builder
	color bool
}

func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(&p.b, format+"\n", args...)
}

func (p *printer) item(item Item) {
	p.line("%s  %s", p.word(item.Result.Outcome()), safe(item.Path.ID.String()))
	for _, note := range item.Result.Notes {
		p.line("  %s", safe(note))
	}
	for _, e := range item.Result.Endpoints {
		address := ""
		if e.Addr.IsValid() {
			address = " [" + e.Addr.String() + "]"
		}
		p.line("  Check connectivity to %s%s", safe(e.Host), address)
		for i, step := range e.Steps[:item.Result.Until+1] {
			p.step(probes.Stages[i], step)
		}
		p.certificate(e.TLS)
	}
	p.line("")
}

var words = map[probes.Outcome]struct{ text, color string }{
	probes.Passed:       {"Succeeded   ", "\x1b[32m"},
	probes.Failed:       {"Failed      ", "\x1b[31m"},
	probes.Inconclusive: {"Inconclusive", "\x1b[33m"},
	probes.NotReached:   {"Not reached ", "\x1b[2m"},
}

func (p *printer) word(o probes.Outcome) string {
	if p.color {
		return words[o].color + words[o].text + "\x1b[0m"
	}
	return words[o].text
}

func (p *printer) step(info probes.StageInfo, s probes.Step) {
	row := fmt.Sprintf("    %-24s %s", info.Microsoft, p.word(s.Outcome))
	if s.Took > 0 {
		row += "  " + s.Took.Round(100*time.Microsecond).String()
	}
	p.line("%s", strings.TrimRight(row, " "))
	const indent = "                             "
	if reason, ok := s.Reason.Info(); ok {
		p.line("%s%s (%s)", indent, reason.Sentence, s.Reason)
		defer p.line("%sRemedy: %s", indent, reason.Remedy)
	}
	if s.Detail != "" {
		p.line("%s%s", indent, safe(s.Detail))
	}
	if s.Reply.Code > 0 {
		p.line("%sThe server said: %d %s", indent, s.Reply.Code, safe(strings.TrimSpace(s.Reply.Enhanced+" "+s.Reply.Text)))
	}
	if s.Uncertain != "" {
		p.line("%sUNCERTAIN: %s", indent, safe(s.Uncertain))
	}
}

func (p *printer) certificate(t *probes.TLS) {
	if t == nil {
		return
	}
	if t.Version != "" {
		p.line("    %s, %s", t.Version, t.Cipher)
	}
	if len(t.Chain) == 0 {
		return
	}
	leaf := t.Chain[0]
	names := leaf.DNSNames
	more := ""
	if len(names) > 5 {
		names, more = names[:5], fmt.Sprintf(" and %d more", len(names)-5)
	}
	p.line("    Certificate of %s, issued by %s, for %s%s, %s to %s", safe(leaf.Subject), safe(leaf.Issuer),
		safe(strings.Join(names, ", ")), more, leaf.NotBefore.UTC().Format(time.DateOnly), leaf.NotAfter.UTC().Format(time.DateOnly))
	for v, j := range t.Verdicts {
		if j.Outcome == probes.Failed {
			p.line("      %s: %s", probes.VerdictNames[v], safe(j.Detail))
		}
	}
}

// safe keeps terminal escapes, control characters and invalid UTF-8 of a peer away from the terminal.
func safe(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return ' '
		case !unicode.IsPrint(r):
			return '\uFFFD'
		default:
			return r
		}
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// The JSON schema of validate. Fields are only ever added.
type (
	pathJSON struct {
		Target    string         `json:"target"`
		Tenant    string         `json:"tenant"`
		Direction string         `json:"direction"`
		Connector string         `json:"connector"`
		Path      string         `json:"path"`
		Outcome   string         `json:"outcome"`
		Started   time.Time      `json:"started"`
		Seconds   float64        `json:"duration_seconds"`
		Notes     []string       `json:"notes,omitempty"`
		Endpoints []endpointJSON `json:"endpoints"`
	}
	endpointJSON struct {
		Host        string           `json:"host"`
		Address     string           `json:"address,omitempty"`
		Stages      []stageJSON      `json:"stages"`
		TLSVersion  string           `json:"tls_version,omitempty"`
		Certificate *certificateJSON `json:"certificate,omitempty"`
	}
	stageJSON struct {
		Stage     string  `json:"stage"`
		Outcome   string  `json:"outcome"`
		Reason    string  `json:"reason,omitempty"`
		Detail    string  `json:"detail,omitempty"`
		Code      int     `json:"reply_code,omitempty"`
		Enhanced  string  `json:"enhanced_code,omitempty"`
		Text      string  `json:"reply_text,omitempty"`
		Remedy    string  `json:"remedy,omitempty"`
		Uncertain string  `json:"uncertain,omitempty"`
		Seconds   float64 `json:"duration_seconds"`
	}
	certificateJSON struct {
		Subject     string    `json:"subject"`
		Issuer      string    `json:"issuer"`
		Names       []string  `json:"names"`
		NotBefore   time.Time `json:"not_before"`
		NotAfter    time.Time `json:"not_after"`
		Fingerprint string    `json:"fingerprint_sha256"`
	}
)

// ValidationJSON prints the same for programs: an array, one object a path.
func ValidationJSON(w io.Writer, items []Item) error {
	all := make([]pathJSON, 0, len(items))
	for _, item := range items {
		all = append(all, toJSON(item))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}

func toJSON(item Item) pathJSON {
	id, r := item.Path.ID, item.Result
	out := pathJSON{
		Target: id.String(), Tenant: id.Tenant, Direction: string(id.Direction), Connector: id.Connector, Path: id.Path,
		Outcome: r.Outcome().String(), Started: r.Started.UTC(), Seconds: r.Took.Seconds(), Notes: r.Notes, Endpoints: []endpointJSON{},
	}
	for _, e := range r.Endpoints {
		end := endpointJSON{Host: e.Host, Stages: []stageJSON{}}
		if e.Addr.IsValid() {
			end.Address = e.Addr.String()
		}
		for i, s := range e.Steps[:r.Until+1] {
			info, _ := s.Reason.Info()
			end.Stages = append(end.Stages, stageJSON{
				probes.Stages[i].Name, s.Outcome.String(), string(s.Reason), s.Detail, s.Reply.Code, s.Reply.Enhanced,
				s.Reply.Text, info.Remedy, s.Uncertain, s.Took.Seconds(),
			})
		}
		if e.TLS != nil {
			end.TLSVersion = e.TLS.Version
			if len(e.TLS.Chain) > 0 {
				c := e.TLS.Chain[0]
				end.Certificate = &certificateJSON{c.Subject, c.Issuer, c.DNSNames, c.NotBefore, c.NotAfter, c.Fingerprint}
			}
		}
		out.Endpoints = append(out.Endpoints, end)
	}
	return out
}
