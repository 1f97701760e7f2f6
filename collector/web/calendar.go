package web

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"m365_connector_exporter/collector/calendar"
	"m365_connector_exporter/collector/text"
)

// deadlinesPerPage is how many dates the calendar shows at a time.
const deadlinesPerPage = 100

// calendarPage lists the dates that concern a tenant, the earliest first.
type calendarPage struct {
	Level, Headline, Version string
	Filter                   filter
	Rows                     []deadlineRow
	Part                     pageRange
}

// deadlineRow is one date.
type deadlineRow struct {
	calendar.Deadline
	When *timestamp
	Past bool
}

func (s *Site) calendar(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r, "q", "tenant", "page", "refresh")
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	now := s.Now()
	all := slices.DeleteFunc(slices.Clone(reportOf(s.Snapshot()).Deadlines), func(d calendar.Deadline) bool {
		return !f.ofTenant(d.Tenant) ||
			f.Text != "" && !f.contains(d.Tenant, d.Connector, d.Advisory.ID, d.Advisory.Title, d.Why)
	})
	page := &calendarPage{
		Filter: f, Part: paginate(len(all), deadlinesPerPage, f.Page), Version: calendar.Version,
	}
	page.Headline, page.Level = calendarHeadline(all, now)
	for _, d := range all[page.Part.From:page.Part.To] {
		page.Rows = append(page.Rows, deadlineRow{d, newTimestamp(d.At, now), !now.Before(d.At)})
	}
	s.render(w, "calendar", layoutData{Title: "Calendar", Page: page})
}

// calendarHeadline counts the dates, and those of the next month.
func calendarHeadline(all []calendar.Deadline, now time.Time) (headline, worst string) {
	soon, past := 0, 0
	for _, d := range all {
		switch {
		case !now.Before(d.At):
			past++
		case d.At.Before(now.AddDate(0, 1, 0)):
			soon++
		}
	}
	headline, worst = text.Count(len(all), "date"), "passed"
	if soon > 0 {
		headline, worst = headline+fmt.Sprintf("; %d within a month", soon), "warning"
	}
	if past > 0 {
		headline, worst = headline+fmt.Sprintf("; %d in the past", past), "warning"
	}
	return headline + ".", worst
}
