package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func (c validateCommand) checkMicrosoft() error {
	switch {
	case !*c.microsoft:
		return nil
	case len(*c.targets) == 0:
		return errors.New("--microsoft sends messages: name the connectors to validate")
	case *c.output != "text":
		return errors.New("--microsoft prints text only")
	}
	return nil
}

// printMicrosoft prints Microsoft's verdicts beside ours, and returns the exit status of both.
func printMicrosoft(out io.Writer, all []daemon.MicrosoftValidation, items []text.Item, status int) int {
	for i := range all {
		m := &all[i]
		_, _ = fmt.Fprintf(out, "\nMicrosoft's validation of %s, outbound connector %q, to %s\n",
			probes.Sanitise(m.Tenant.Name, maxName), m.Connector, strings.Join(m.Recipients, ", "))
		switch m.Passed() {
		case mailflow.No:
			status = exitFailed
		case mailflow.Unknown:
			if status == exitOK {
				status = exitInconclusive
			}
		}
		if m.Failure != nil {
			_, _ = fmt.Fprintf(out, "  not done, %s: %s\n", m.Failure.Reason, m.Failure.Message)
			if m.Failure.Reason == "role_missing" {
				_, _ = fmt.Fprintln(out, "  UNCERTAIN: the cmdlet seems to need the role Exchange Administrator")
			}
			continue
		}
		printBeside(out, stagesOf(m, items), tasksOf(m))
	}
	return status
}

// printBeside prints two lists in columns.
func printBeside(out io.Writer, ours, theirs []string) {
	_, _ = fmt.Fprintf(out, "  %-34s %s\n", "this exporter", "Microsoft")
	for i := range max(len(ours), len(theirs)) {
		left, right := "", ""
		if i < len(ours) {
			left = ours[i]
		}
		if i < len(theirs) {
			right = theirs[i]
		}
		_, _ = fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("  %-34s %s", left, right), " "))
	}
}

// stagesOf lists the stages of a connector with the worst outcome of its endpoints.
func stagesOf(m *daemon.MicrosoftValidation, items []text.Item) []string {
	worst := map[probes.Stage]probes.Outcome{}
	for _, item := range items {
		id := item.Path.ID
		if id.Tenant != m.Tenant.Name || id.Connector != m.Connector || id.Direction != mailflow.Outbound {
			continue
		}
		for _, e := range item.Result.Endpoints {
			for stage, step := range e.Steps {
				if weight(step.Outcome) > weight(worst[probes.Stage(stage)]) {
					worst[probes.Stage(stage)] = step.Outcome
				}
			}
		}
	}
	var lines []string
	for _, s := range probes.Stages {
		if o := worst[s.Stage]; o != probes.NotReached {
			lines = append(lines, fmt.Sprintf("%-24s %s", s.Microsoft, o))
		}
	}
	return lines
}

// weight orders outcomes: what fails at one endpoint fails.
func weight(o probes.Outcome) int {
	switch o {
	case probes.Passed:
		return 1
	case probes.Inconclusive:
		return 2
	case probes.Failed:
		return 3
	default:
		return 0
	}
}

// tasksOf lists Microsoft's tasks, and below each its undocumented fields as they are.
func tasksOf(m *daemon.MicrosoftValidation) []string {
	var lines []string
	for _, t := range m.Tasks {
		outcome := "result unknown"
		switch t.Successful {
		case mailflow.Yes:
			outcome = "succeeded"
		case mailflow.No:
			outcome = "failed"
		}
		name := t.Name
		if name == "" {
			name = "(task without a name)"
		}
		lines = append(lines, name+": "+outcome)
		for _, f := range t.Fields {
			lines = append(lines, "  "+f.Name+" = "+f.Value)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "no task was returned")
	}
	return lines
}
