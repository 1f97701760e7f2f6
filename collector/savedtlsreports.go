package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"m365_connector_exporter/probes/tlsrpt"
)

// savedTLSReports is what is kept of TLS reports over restarts, as one JSON object: which reports were counted, and
// what is still judged. The counters restart from 0.
type savedTLSReports struct {
	Seen      []string         `json:"seen"`
	Summaries []tlsrpt.Summary `json:"summaries"`
}

// SaveTLSReports writes the state of TLS reports.
func (s *Store) SaveTLSReports(w io.Writer) error {
	return json.NewEncoder(w).Encode(s.tlsReportState()) //nolint:wrapcheck // the caller names the file
}

func (s *Store) tlsReportState() savedTLSReports {
	now := s.now()
	s.trips.mu.RLock()
	defer s.trips.mu.RUnlock()
	l := s.trips.reports
	return savedTLSReports{append([]string{}, l.seen...), l.current(now)}
}

// RestoreTLSReports reads what SaveTLSReports wrote. What is no longer judged, or exceeds a limit, is left out.
func (s *Store) RestoreTLSReports(text []byte) error {
	var state savedTLSReports
	if err := json.Unmarshal(text, &state); err != nil {
		return fmt.Errorf("it is not a state of TLS reports: %w", err)
	}
	if state.Seen == nil {
		return errors.New("it is not a state of TLS reports")
	}
	now := s.now()
	s.trips.mu.Lock()
	defer s.trips.mu.Unlock()
	s.trips.reports.restore(&state, now)
	return nil
}

func (l *tlsReports) restore(state *savedTLSReports, now time.Time) {
	for _, id := range state.Seen {
		if _, known := l.known[id]; !known && len(id) == len(reportID(&tlsrpt.Report{})) {
			l.remember(id)
		}
	}
	for i := range state.Summaries {
		if summary := &state.Summaries[i]; summary.Domain != "" && summary.CurrentAt(now) {
			l.summarize(summary)
		}
	}
}
