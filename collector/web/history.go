package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// historyPage is the history of a path: its uptime, the verdicts of a week, and the latest rounds as a strip of cells
// with a line for how long they took. The pictures are SVG in the page, in words for screen readers.
type historyPage struct {
	Uptime   []uptime
	Week     []segment
	Words    string // the latest rounds in words
	Strip    []stripCell
	Width    int // of the strip
	Latency  string
	Slowest  time.Duration
	Fastest  time.Duration
	Rounds   []historyRow
	Failures []historyRow // older than Rounds
}

// uptime is the share of a time in which the path passed.
type uptime struct{ Window, Share, Known string }

// segment is a part of the week, in thousandths of it.
type segment struct {
	X, Width int
	Outcome  string
	Title    string
}

// stripCell is one round of the strip.
type stripCell struct {
	X, Y, Height int
	Outcome      string
	Title        string
}

type historyRow struct {
	At      *timestamp
	Outcome string
	Stage   string
	Reason  probes.Reason
	Took    time.Duration
}

// The sizes of the pictures, in units of their view box.
const (
	stripRounds   = 30 // a shorter history begins further right
	stripStep     = 10
	stripHeight   = 24
	latencyHeight = 40
	week          = 7 * 24 * time.Hour
	weekWidth     = 1000
)

func newHistoryPage(p *collector.PathState, now time.Time) *historyPage {
	page := &historyPage{
		Rounds: historyRows(p.History, now), Failures: historyRows(olderThan(p.Failures, p.History), now),
		Width: max(len(p.History), stripRounds) * stripStep,
	}
	if _, known := p.Uptime(now, week); known > 0 {
		page.Uptime = []uptime{newUptime(p, now, 24*time.Hour, "24 hours"), newUptime(p, now, week, "7 days")}
		page.Week = weekSegments(p, now)
	}
	page.addStrip(p.History)
	return page
}

func newUptime(p *collector.PathState, now time.Time, window time.Duration, name string) uptime {
	share, known := p.Uptime(now, window)
	u := uptime{Window: name, Share: percent(share), Known: text.Span(known)}
	switch {
	case known == 0:
		u.Share, u.Known = "unknown", ""
	case known > window-window/100:
		u.Known = "" // the whole time
	}
	return u
}

// percent formats a share. Only all is 100 %: a failure of a minute is not rounded away.
func percent(share float64) string {
	switch {
	case share == 1:
		return "100 %"
	case share > .9999:
		return "99.99 %"
	default:
		return fmt.Sprintf("%.2f %%", 100*share)
	}
}

// weekSegments divides the last week by the verdict.
func weekSegments(p *collector.PathState, now time.Time) (all []segment) {
	begin := now.Add(-week)
	place := func(at time.Time) int { return int(weekWidth * at.Sub(begin) / week) }
	for _, period := range p.Periods(now, week) {
		outcome, word := period.Verdict.String(), label(period.Verdict)
		if period.Verdict == probes.NotReached {
			outcome, word = "unknown", "unknown"
		}
		x := place(period.From)
		all = append(all, segment{
			X: x, Width: max(place(period.To)-x, 2), Outcome: outcome,
			Title: fmt.Sprintf("%s: %s for %s", newTimestamp(period.From, now).Text, word,
				text.Span(period.To.Sub(period.From))),
		})
	}
	return all
}

// addStrip draws the rounds. Each outcome has its own height, so that nothing is shown by colour alone.
func (page *historyPage) addStrip(rounds []collector.Round) {
	heights := map[probes.Outcome]int{probes.Passed: 10, probes.Inconclusive: 17, probes.Failed: stripHeight}
	count := map[probes.Outcome]int{}
	for i, r := range rounds {
		count[r.Outcome]++
		height := max(heights[r.Outcome], 4)
		title := fmt.Sprintf("%s: %s, took %s", r.At.UTC().Format("2006-01-02 15:04:05 UTC"), r.Outcome, round(r.Duration))
		if r.Reason != "" {
			title += ", " + probes.Stages[min(r.Stage, probes.Message)].Microsoft + ": " + string(r.Reason)
		}
		page.Strip = append(page.Strip, stripCell{
			X: page.x(i, len(rounds)), Y: stripHeight - height, Height: height, Outcome: r.Outcome.String(), Title: title,
		})
	}
	last := text.Count(len(rounds), "round")
	if len(rounds) == 1 {
		last = "round"
	}
	page.Words = fmt.Sprintf("The last %s: %d passed, %d failed, %d inconclusive", last,
		count[probes.Passed], count[probes.Failed], count[probes.Inconclusive])
	page.addLatency(rounds)
}

// x returns where one of n rounds is drawn: the newest is at the right end.
func (page *historyPage) x(i, n int) int { return page.Width - (n-i)*stripStep }

// addLatency draws how long the rounds took, from 0 to the slowest.
func (page *historyPage) addLatency(rounds []collector.Round) {
	if len(rounds) < 2 {
		return
	}
	took := func(a, b collector.Round) int { return int(a.Duration - b.Duration) }
	page.Slowest, page.Fastest = slices.MaxFunc(rounds, took).Duration, slices.MinFunc(rounds, took).Duration
	points := make([]string, len(rounds))
	for i, r := range rounds {
		share := float64(r.Duration) / float64(max(page.Slowest, 1))
		points[i] = fmt.Sprintf("%d,%.1f", page.x(i, len(rounds))+stripStep/2, latencyHeight-2-share*(latencyHeight-4))
	}
	page.Latency = strings.Join(points, " ")
}

// olderThan returns the failures that are older than the whole history.
func olderThan(failures, history []collector.Round) []collector.Round {
	if len(history) == 0 {
		return failures
	}
	n, _ := slices.BinarySearchFunc(failures, history[0].At, func(r collector.Round, at time.Time) int {
		return r.At.Compare(at)
	})
	return failures[:n]
}

func historyRows(rounds []collector.Round, now time.Time) []historyRow {
	lines := make([]historyRow, 0, len(rounds))
	for _, r := range slices.Backward(rounds) {
		l := historyRow{At: newTimestamp(r.At, now), Outcome: r.Outcome.String(), Reason: r.Reason, Took: r.Duration}
		if r.Reason != "" {
			l.Stage = probes.Stages[r.Stage].Microsoft
		}
		lines = append(lines, l)
	}
	return lines
}
