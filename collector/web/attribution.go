package web

import (
	"cmp"
	"net/http"
	"slices"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes/mailflow"
)

const (
	sendersPerPage  = 25
	overlapsPerPage = 50
)

// attributionPage shows the attribution of each sender's mail, as predicted from the documented rules.
type attributionPage struct {
	Form      messageForm
	Filter    filter
	Senders   []senderRow
	Part      pageRange
	Overlaps  []mailflow.Overlap
	More      int // overlaps that are not shown
	Tenants   int
	Correct   int // senders whose mail is attributed to their own tenant and connector
	Incorrect int
}

type senderRow struct {
	pathRow
	OK       bool
	Fragile  bool
	Messages []messageRow
}

type messageRow struct {
	mailflow.Attribution
	State collector.Status // passed, failed or, for bounces that are not relayed, not probed
	From  string           // the MAIL FROM domains, or that it is the null sender
	Names []string
}

func (s *Site) attribution(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r, append(formParameters, pageParameters...)...)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	v := s.Snapshot()
	page := s.attributionPage(v, f)
	page.Form = readForm(r, v)
	s.render(w, "attribution", layoutData{Title: "Attribution", Page: page})
}

func (s *Site) attributionPage(v *collector.Snapshot, f filter) *attributionPage {
	page := &attributionPage{Filter: f, Tenants: len(v.Tenants)}
	a := reportOf(v)
	var all []senderRow
	for _, p := range f.selectFrom(v).Paths {
		arrivals := a.Attributions[p.Path.ID]
		if len(arrivals) == 0 {
			continue
		}
		sender := senderRow{pathRow: newPathRow(p, s.Now()), OK: true}
		for _, one := range arrivals {
			shown := newMessageRow(one, sender.pathRow)
			sender.OK = sender.OK && shown.State != collector.StatusFailed
			sender.Fragile = sender.Fragile || one.Risk != ""
			sender.Messages = append(sender.Messages, shown)
		}
		if sender.OK {
			page.Correct++
		} else {
			page.Incorrect++
		}
		all = append(all, sender)
	}
	slices.SortStableFunc(all, func(a, b senderRow) int { return cmp.Compare(rank(a), rank(b)) })
	page.Part = paginate(len(all), sendersPerPage, f.Page)
	page.Senders = all[page.Part.From:page.Part.To]
	for _, o := range a.Overlaps {
		if f.ofTenant(o.Tenant) && (f.Text == "" || f.contains(o.Tenant, o.Connector, o.Sender, o.Value)) {
			page.Overlaps = append(page.Overlaps, o)
		}
	}
	page.More = max(0, len(page.Overlaps)-overlapsPerPage)
	page.Overlaps = page.Overlaps[:len(page.Overlaps)-page.More]
	return page
}

// rank orders misattributed senders before fragile ones, and those before the others.
func rank(s senderRow) int {
	switch {
	case !s.OK:
		return 0
	case s.Fragile:
		return 1
	default:
		return 2
	}
}

// newMessageRow judges the outcome of a message for its sender. A bounce that is not relayed because it has no sender
// domain is shown but is not wrong: that is normal for a device known by its address alone.
func newMessageRow(a mailflow.Attribution, own pathRow) messageRow {
	out := messageRow{
		Attribution: a, From: text.Sender(a), Names: a.Message.Certificate.Names(), State: collector.StatusPassed,
	}
	switch {
	case a.Reaches(own.Tenant, own.Connector):
	case a.Message.MailFrom == "" && len(a.Tenants) == 0:
		out.State = collector.StatusNotProbed
	default:
		out.State = collector.StatusFailed
	}
	return out
}
