package text

import (
	"cmp"
	"encoding/json"
	"io"
	"time"

	"m365_connector_exporter/probes"
)

// The JSON of validate: an array with one object per path. Times are RFC 3339 in UTC, durations seconds. Absent is
// unknown or does not apply.
type (
	pathJSON struct {
		Target    string         `json:"target"` // TENANT/DIRECTION/CONNECTOR/PATH, percent-encoded
		Tenant    string         `json:"tenant"`
		Direction string         `json:"direction"`
		Connector string         `json:"connector"`
		Path      string         `json:"path"`
		Outcome   string         `json:"outcome"` // passed, failed, inconclusive
		Started   time.Time      `json:"started,omitzero"`
		Seconds   float64        `json:"duration_seconds"`
		Notes     []string       `json:"notes,omitempty"`
		Endpoints []endpointJSON `json:"endpoints"`

		Predictions []predictionJSON `json:"predictions,omitempty"` // of outbound paths
	}
	endpointJSON struct {
		Host        string           `json:"host"`
		Address     string           `json:"address,omitempty"` // address:port; absent if the host did not resolve
		Outcome     string           `json:"outcome"`
		Stages      []stageJSON      `json:"stages"` // in order, up to the last one of the probe
		TLSVersion  string           `json:"tls_version,omitempty"`
		TLSCipher   string           `json:"tls_cipher,omitempty"`
		Certificate *certificateJSON `json:"certificate,omitempty"` // the leaf
		Verdicts    []verdictJSON    `json:"certificate_verdicts,omitempty"`
		RootG2      *bool            `json:"verifies_with_digicert_global_root_g2,omitempty"` // hosts of Exchange Online
		DANE        *daneJSON        `json:"dane,omitempty"`
	}
	daneJSON struct {
		Status  string   `json:"status"` // match, mismatch, unusable, none, insecure, bogus; unknown: look-up failed
		TLS     bool     `json:"tls"`
		Records []string `json:"records,omitempty"` // the first ones
		Total   int      `json:"records_total"`
		Matched string   `json:"matched,omitempty"`
		Expired bool     `json:"expired,omitempty"` // it matches, and is not valid now
		Detail  string   `json:"detail,omitempty"`
	}
	stageJSON struct {
		Stage     string  `json:"stage"`
		Outcome   string  `json:"outcome"` // as of a path, or not_reached
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
		MoreNames   int       `json:"names_more,omitempty"` // those not listed
		NotBefore   time.Time `json:"not_before"`
		NotAfter    time.Time `json:"not_after"`
		Fingerprint string    `json:"fingerprint_sha256"`
	}
	verdictJSON struct {
		Verdict   string `json:"verdict"`
		Outcome   string `json:"outcome"` // passed, failed, or not_reached if it could not be judged
		Reason    string `json:"reason,omitempty"`
		Detail    string `json:"detail,omitempty"`
		Uncertain string `json:"uncertain,omitempty"`
	}
)

// ValidationJSON prints the results for programs.
func ValidationJSON(w io.Writer, items []Item) error {
	all := make([]pathJSON, 0, len(items))
	for _, item := range items {
		item.Result.Until = lastStage(item.Result)
		all = append(all, toJSON(item))
	}
	return encode(w, all)
}

func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func toJSON(item Item) pathJSON {
	id, r := item.Path.ID, item.Result
	out := pathJSON{
		Target: printableLines(id.String()), Tenant: printableLines(id.Tenant),
		Direction: printableLines(string(id.Direction)),
		Connector: printableLines(id.Connector), Path: printableLines(id.Path), Outcome: r.Outcome().String(),
		Started: r.Started.UTC(),
		Seconds: r.Duration.Seconds(), Notes: printableAll(r.Hints), Endpoints: []endpointJSON{},
		Predictions: predictionsOf(item.Predictions),
	}
	for _, e := range r.Endpoints {
		out.Endpoints = append(out.Endpoints, endpointOf(e, r))
	}
	return out
}

func endpointOf(e probes.Endpoint, r probes.Result) endpointJSON {
	out := endpointJSON{Host: printableLines(e.Host), Outcome: e.Outcome(r.Until).String(), Stages: []stageJSON{}}
	if e.Addr.IsValid() {
		out.Address = printableLines(e.Addr.String())
	}
	for i, s := range e.Steps[:r.Until+1] {
		out.Stages = append(out.Stages, stageJSON{
			Stage: probes.Stages[i].Name, Outcome: s.Outcome.String(), Reason: printableLines(string(s.Reason)),
			Detail: printableLines(probes.Redact(s.Detail)), Code: s.Reply.Code, Enhanced: printableLines(s.Reply.Enhanced),
			Text: printableLines(probes.Redact(s.Reply.Text)), Remedy: s.Remedy(), Uncertain: printableLines(s.Uncertain),
			Seconds: s.Duration.Seconds(),
		})
	}
	if e.TLS != nil {
		out.tls(e.TLS)
	}
	out.DANE = daneOf(e.DANE)
	return out
}

func daneOf(d *probes.DANE) *daneJSON {
	if d == nil {
		return nil
	}
	return &daneJSON{
		Status: cmp.Or(string(d.Status), "unknown"), TLS: d.TLS, Records: printableAll(d.Records), Total: d.Total,
		Matched: printableLines(d.Matched), Expired: d.Expired, Detail: printableLines(d.Detail),
	}
}

func (out *endpointJSON) tls(t *probes.TLS) {
	out.TLSVersion, out.TLSCipher = printableLines(t.Version), printableLines(t.Cipher)
	if len(t.Chain) > 0 {
		leaf := certificateOf(t.Chain[0])
		out.Certificate = &leaf
	}
	if o := t.MicrosoftRoot.Outcome; o == probes.Passed || o == probes.Failed {
		verifies := o == probes.Passed
		out.RootG2 = &verifies
	}
	out.Verdicts = verdictsOf(t)
}
