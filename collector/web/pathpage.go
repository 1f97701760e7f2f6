package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// pathPage shows everything that is known about one path.
type pathPage struct {
	pathRow
	Facts       []fact
	Note        string
	Predictions []predictionPage // what Exchange Online would do with its mail
	Findings    []finding
	Newest      *roundPage
	Failed      *roundPage // the newest failed round, unless it is the newest round
	Controls    []controlRow
	Client      *tlsPage   // the certificate that the sender presents to Exchange Online
	Simulated   bool       // whether the attribution page shows the sender
	Level       string     // the class that colours the page
	Now         *roundPage // the probe that the request asked for
	History     *historyPage
	Certificate *expiry // the first that expires, of those on this path
	LastSuccess *timestamp
	Counted     map[string]uint64 // rounds since the start, by outcome
	Policies    []policyRow       // the one that applies to its mail
}

type fact struct{ Name, Value string }

// roundPage is one round with everything it recorded.
type roundPage struct {
	Started   *timestamp
	Took      time.Duration
	Outcome   string
	Notes     []string
	Endpoints []endpointPage
}

type endpointPage struct {
	ID, Host, Address string // ID is the anchor on the page
	Open              bool   // it did not pass, or is the only one
	Outcome           string
	Stages            []stagePage
	TLS               *tlsPage
	DANE              *probes.DANE
	Transcript        []transcriptLine
}

type stagePage struct {
	probes.StageInfo
	Outcome, Detail, Uncertain string
	Reason                     probes.Reason
	Remedy                     string
	Took                       time.Duration
}

type transcriptLine struct {
	At        string
	Who, Text string
}

func (s *Site) path(w http.ResponseWriter, r *http.Request) {
	values, err := params(r, "target", "probe")
	if err == nil && values.Has("probe") && values.Get("probe") != "now" {
		err = fmt.Errorf("probe %q is unknown; it must be now", short(values.Get("probe")))
	}
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	p, err := s.locate(values.Get("target"))
	switch {
	case errors.Is(err, errUnknown):
		s.fail(w, r, http.StatusNotFound, err.Error())
		return
	case err != nil:
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	page := s.pathPage(s.Snapshot(), p)
	if now := probed(r); now != nil {
		if page.Now = newRoundPage(now, "n", s.Now()); p.Latest != nil && now.Started.Equal(p.Latest.Started) {
			page.Now, page.Newest = newRoundPage(now, "e", s.Now()), nil // it is the newest round itself
		}
	}
	title := label(page.State) + ": " + page.Tenant + " › " + page.Connector + " › " + page.Path
	s.render(w, "path", layoutData{Title: title, Page: page})
}

func (s *Site) pathPage(v *collector.Snapshot, p *collector.PathState) *pathPage {
	now := s.Now()
	a := reportOf(v)
	page := &pathPage{
		pathRow: newPathRow(p, now), Facts: probeFacts(p), Note: p.Path.Hint, LastSuccess: newTimestamp(p.LastSuccess, now),
		Predictions: newPredictions(p, a),
		Client:      newTLSPage(a.Clients[p.Path.ID], now), Simulated: len(a.Attributions[p.Path.ID]) > 0,
		History: newHistoryPage(p, now), Controls: newControlRows(p, now),
		Counted: map[string]uint64{}, Newest: newRoundPage(p.Latest, "e", now),
	}
	page.Policies, _ = policyRows(policiesOfPath(a.PoliciesOf(p.Path.ID.Tenant), p.Path), now)
	if p.LatestFailed != nil && (p.Latest == nil || p.LatestFailed.Started != p.Latest.Started) {
		page.Failed = newRoundPage(p.LatestFailed, "f", now)
	}
	for _, o := range []probes.Outcome{probes.Passed, probes.Failed, probes.Inconclusive} {
		page.Counted[o.String()] = p.Rounds[o]
	}
	id, severity := p.Path.ID, check.Off
	for _, f := range a.Findings {
		ofConnector := f.Tenant == id.Tenant && f.Direction == id.Direction && f.Connector == id.Connector
		if f.Suppressed == nil && ofConnector && (f.Path == "" || f.Path == id.Path) {
			found := newFinding(f, now)
			found.Where = "" // this page
			page.Findings = append(page.Findings, found)
			severity = max(severity, f.Severity)
		}
	}
	for _, c := range v.Certificates([]*collector.PathState{p}, now) {
		severity = max(severity, c.Expiry)
		if end := newExpiry(c.NotAfter, c.Expiry, now); end != nil && !c.Microsoft &&
			(page.Certificate == nil || end.Days < page.Certificate.Days) {
			page.Certificate = end
		}
	}
	if page.Level = string(page.State); page.State == collector.StatusPassed && severity > check.Info {
		page.Level = severity.String()
	}
	return page
}

// probeFacts describe how the path is configured and probed.
func probeFacts(p *collector.PathState) []fact {
	s := p.Path.Settings
	all := []fact{
		{"Connector type", string(p.Path.ConnectorType)},
		{"Direction", string(p.Path.ID.Direction)},
		{"Next hop", p.Path.NextHop},
		{"Required TLS", requiredTLS(*p.Path)},
		{"Probes up to", probes.Stages[min(s.Until, probes.Message)].Microsoft},
		{"MAIL FROM", probes.Redact(p.Path.MailFrom)},
		{"Recipients", probes.Redact(text.List(p.Path.Recipients, 10))},
		{"Interval", text.Span(s.Interval)},
		{"EHLO name", s.HelloName},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Value == "" })
}

func requiredTLS(p probes.Path) string {
	switch {
	case p.TLSSettings == "":
		return "nothing (opportunistic)"
	case p.TLSDomain != "":
		return string(p.TLSSettings) + " for " + p.TLSDomain
	default:
		return string(p.TLSSettings)
	}
}

// newRoundPage returns nil if there is no round. The prefix makes the anchors of two rounds on one page distinct.
func newRoundPage(r *probes.Result, prefix string, now time.Time) *roundPage {
	if r == nil {
		return nil
	}
	page := &roundPage{
		Started: newTimestamp(r.Started, now), Took: r.Duration, Outcome: r.Outcome().String(), Notes: r.Hints,
	}
	for n, e := range r.Endpoints {
		one := newEndpointPage(e, r.Until, now)
		one.ID = prefix + itoa(n)
		one.Open = len(r.Endpoints) == 1 || one.Outcome != probes.Passed.String()
		page.Endpoints = append(page.Endpoints, one)
	}
	slices.SortStableFunc(page.Endpoints, func(a, b endpointPage) int {
		rank := func(e endpointPage) int { return slices.Index(collector.Statuses[:], collector.Status(e.Outcome)) }
		return cmp.Compare(rank(a), rank(b)) // failed, then inconclusive, then passed
	})
	return page
}

func newEndpointPage(e probes.Endpoint, until probes.Stage, now time.Time) endpointPage {
	page := endpointPage{
		Host: e.Host, Address: collector.KeyOf(e).Address, Outcome: e.Outcome(until).String(), TLS: newTLSPage(e.TLS, now),
		DANE: e.DANE,
	}
	for i, step := range e.Steps[:until+1] {
		page.Stages = append(page.Stages, stagePage{
			StageInfo: probes.Stages[i], Outcome: step.Outcome.String(), Detail: bounded(text.Detail(step)),
			Reason: step.Reason, Remedy: step.Remedy(), Took: step.Duration, Uncertain: bounded(step.Uncertain),
		})
	}
	for _, entry := range e.Transcript {
		at, who := fmt.Sprintf("%.3f s", entry.At.Seconds()), originLabel(entry.Origin)
		for l := range entry.Lines() {
			page.Transcript = append(page.Transcript, transcriptLine{At: at, Who: who, Text: text.TranscriptText(l)})
		}
	}
	return page
}

func originLabel(s probes.Origin) string {
	switch s {
	case probes.OriginClient:
		return "prober"
	case probes.OriginServer:
		return "server"
	default:
		return "observation"
	}
}
