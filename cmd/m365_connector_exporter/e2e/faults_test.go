//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
)

// TestFaults runs the daemon on every fault of the table and 200 healthy paths. Each faulty path gets the stage and the
// reason of its row, no healthy path ever fails, and a reload without the faulty paths releases all their resources.
func TestFaults(t *testing.T) {
	w := newFaultWorld(t)
	d := runDaemon(t, w.binary, "serve", "--config.file="+w.configureFaults(false), "--debug.pprof-address="+w.pprof())
	eventually(t, time.Minute, func() string { return d.metrics().healthy() })
	w.awaitTwoRounds(d)
	before := w.load(d)

	w.configureFaults(true)
	d.reload()
	eventually(t, 2*time.Minute, func() string { return w.diff(d.metrics()) })
	for range 10 { // no result changes
		time.Sleep(2 * time.Second)
		if why := w.diff(d.metrics()); why != "" {
			t.Error(why)
		}
	}
	during := w.load(d)

	w.configureFaults(false)
	d.reload()
	var after load
	defer func() {
		t.Logf("%d faults; before %+v, during %+v, after %+v", len(w.rows), before, during, after)
	}()
	eventually(t, 90*time.Second, func() string {
		after = w.load(d)
		return after.exceeds(before)
	})
	if why := d.metrics().healthy(); why != "" {
		t.Error(why)
	}
}

// diff returns the differences between the rows and the metrics.
func (w *faultWorld) diff(m metrics) string {
	var wrong []string
	for _, f := range w.rows {
		got := m.pathResult(f.name)
		if text := strings.TrimSpace(got.outcome + " " + got.why); text != f.want() {
			wrong = append(wrong, fmt.Sprintf("%s: %s, want %s", f.name, text, f.want()))
		}
	}
	if why := m.healthy(); why != "" {
		wrong = append(wrong, why)
	}
	return strings.Join(wrong, "\n")
}

// healthy returns "" if all healthy paths pass and none of their rounds had another outcome, else the difference.
func (m metrics) healthy() string {
	passing := 0
	for _, s := range m.find("probe_success", "tenant", "healthy") {
		if s.value != 1 {
			return s.labels["connector"] + " fails"
		}
		passing++
	}
	for _, outcome := range []string{"failed", "inconclusive"} {
		for _, s := range m.find("probes_total", "tenant", "healthy", "outcome", outcome) {
			if s.value > 0 {
				return fmt.Sprintf("%v rounds of %s are %s", s.value, s.labels["connector"], outcome)
			}
		}
	}
	if passing != healthyPaths {
		return fmt.Sprintf("%d healthy paths pass, want %d", passing, healthyPaths)
	}
	return ""
}

// rounds returns the number of rounds of healthy paths that passed.
func (m metrics) rounds() (n float64) {
	for _, s := range m.find("probes_total", "tenant", "healthy", "outcome", "passed") {
		n += s.value
	}
	return n
}

func (d *daemon) reload() {
	d.t.Helper()
	if status, body := d.http(http.MethodPost, "/-/reload"); status != http.StatusOK {
		d.t.Fatalf("reload: %d %s", status, body)
	}
}

// untestableHere maps reasons without a row to the cause.
var untestableHere = map[probes.Reason]string{
	probes.ReasonVantageBlocked:  "occurs only when no server can be reached; TestRareFindings has it",
	probes.ReasonConnectReset:    "loopback resets too early or too late; covered by the tests of package smtpprobe",
	probes.ReasonCanceled:        "a round that ends with the daemon is not recorded",
	probes.ReasonInternalError:   "a bug in the exporter",
	probes.ReasonMessageRejected: "a message is not sent in each round; covered by the tests of package smtpprobe",
	probes.ReasonMessageTooLarge: "a message is not sent in each round; covered by the tests of package smtpprobe",
	probes.ReasonProberLimit:     "covered by the tests of package certificate",
}

// TestFaultTable checks that the names in the table are unique, that every reason has a row, and that
// docs/reliability.md contains the same table.
func TestFaultTable(t *testing.T) {
	small := &world{t: t, dir: t.TempDir()}
	small.ca = newAuthority(t, small.dir)
	w := newFaultTable(small)
	names, reasons := map[string]bool{}, map[probes.Reason]bool{}
	for _, f := range w.rows {
		if names[f.name] {
			t.Errorf("duplicate name %s", f.name)
		}
		names[f.name], reasons[f.reason] = true, true
	}
	for _, info := range probes.Reasons {
		if !reasons[info.Reason] && untestableHere[info.Reason] == "" {
			t.Errorf("no row for %s", info.Reason)
		}
	}
	w.checkDocument()
}

// checkDocument compares the table in the document with the rows; with UPDATE_DOCS=1 it updates the document.
func (w *faultWorld) checkDocument() {
	w.t.Helper()
	const file, begin, end = "../../../docs/reliability.md", "<!-- faults -->\n", "<!-- /faults -->"
	text := read(w.t, file)
	head, rest, found := strings.Cut(text, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		w.t.Fatalf("%s has no markers for the table", file)
	}
	if want := head + begin + w.document() + end + tail; want != text {
		if os.Getenv("UPDATE_DOCS") == "" {
			w.t.Fatalf("%s is out of date; UPDATE_DOCS=1 updates it", file)
		}
		writeFile(w.t, file, want, 0o644)
	}
}

func (w *faultWorld) document() string {
	var table strings.Builder
	odd := 0
	for _, f := range w.rows {
		verdict := "passed"
		if f.reason == "" {
			odd++
		} else {
			verdict = fmt.Sprintf("%s at %s: [%s](reasons.md#%s)", f.reason.Outcome(), f.stage, f.reason, f.reason)
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", f.name, f.does, verdict)
	}
	return fmt.Sprintf(
		"\n%d faults; the paths of %d of them pass, with or without a finding.\n\n| name | fault | result |\n"+
			"|---|---|---|\n%s\n",
		len(w.rows), odd, table.String())
}
