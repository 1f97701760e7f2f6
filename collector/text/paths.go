package text

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// stateJSON is one object of the array that /api/v1/paths returns: the newest round, in the schema of validate, and the
// state of the path.
type stateJSON struct {
	pathJSON
	ConnectorType string        `json:"connector_type"`
	Interval      float64       `json:"interval_seconds"`
	Verdict       string        `json:"verdict"` // of the last confirmed conclusive round; not_reached if there is none
	Since         time.Time     `json:"since,omitzero"`
	Stage         string        `json:"failed_stage,omitempty"` // while the verdict is failed
	Reason        string        `json:"failed_reason,omitempty"`
	Provisional   bool          `json:"provisional"` // the newest round failed and is not confirmed yet
	LastRun       time.Time     `json:"last_run,omitzero"`
	LastSuccess   time.Time     `json:"last_success,omitzero"`
	NotProbed     string        `json:"not_probed,omitempty"`    // why the daemon does not probe it
	NotProbeable  string        `json:"not_probeable,omitempty"` // why it cannot be probed
	Controls      []controlJSON `json:"negative_controls,omitempty"`
}

// PathsJSON prints every path, one object per line, with the predictions of a report, which may be nil.
func PathsJSON(w io.Writer, paths []*collector.PathState, report *evaluate.Report) error {
	out := bufio.NewWriter(w)
	separator := "[\n"
	for _, s := range paths {
		line, err := json.Marshal(stateToJSON(s, report))
		if err != nil {
			return err
		}
		_, _ = out.WriteString(separator) // Flush returns the error
		_, _ = out.Write(line)
		separator = ",\n"
	}
	if len(paths) == 0 {
		_, _ = out.WriteString("[")
	}
	_, _ = out.WriteString("\n]\n")
	return out.Flush()
}

func stateToJSON(s *collector.PathState, report *evaluate.Report) stateJSON {
	item := Item{Path: *s.Path}
	if report != nil {
		item.Predictions = report.PredictionsOf(s.Path.ID)
	}
	if s.Latest != nil {
		item.Result = *s.Latest
		item.Result.Until = lastStage(item.Result)
	}
	j := stateJSON{
		pathJSON: toJSON(item), ConnectorType: printableLines(string(s.Path.ConnectorType)),
		Interval: s.Path.Settings.Interval.Seconds(), Verdict: s.Verdict.String(), Since: s.Since.UTC(),
		LastRun: s.LastRun.UTC(), LastSuccess: s.LastSuccess.UTC(),
		NotProbed: printableLines(s.Path.NotProbed), NotProbeable: printableLines(s.Path.NotProbeable),
		Controls: controlsOf(s),
	}
	if s.Verdict == probes.Failed {
		j.Stage, j.Reason = s.Stage.String(), string(s.Reason)
	}
	if s.Latest == nil {
		j.Outcome = probes.NotReached.String()
	} else {
		j.Provisional = s.Latest.Provisional
	}
	return j
}
