package exchangeonline

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// validateTimeout bounds Microsoft's validation, which waits for the mail server.
const validateTimeout = 5 * time.Minute

// Bounds of the result of a validation, which the service chooses.
const (
	maxTasks     = 50
	maxFields    = 30
	maxFieldText = 300 // bytes
)

// Task is one step of Microsoft's validation of a connector.
type Task struct {
	Name       string
	Successful mailflow.Tri
	Fields     []Field // all other properties
}

// Field is a property of a task that is not documented.
type Field struct{ Name, Value string }

// ValidateOutbound makes Microsoft validate an outbound connector, which sends a real message to each recipient. It is
// the only call with an effect, and is made only on request.
//
// UNCERTAIN: the service may refuse it to an application, and neither the role that it needs nor the fields of its
// result are documented. A public script reads TaskName and IsTaskSuccessful.
// https://learn.microsoft.com/powershell/module/exchangepowershell/validate-outboundconnector
func (c *Client) ValidateOutbound(
	ctx context.Context, t Tenant, connector string, recipients []string,
) ([]Task, *Failure) {
	ctx, cancel := context.WithTimeout(ctx, validateTimeout)
	defer cancel()
	s := c.session(t)
	s.timeout = validateTimeout
	var f *Failure
	if s.access, f = s.token(ctx); f != nil {
		return nil, f
	}
	const cmdlet = "Validate-OutboundConnector"
	body := command(cmdlet, map[string]any{"Identity": connector, "Recipients": recipients})
	// The request is not repeated: it may have sent its messages even if the response is lost.
	address := s.base + s.adminAPI(beta, "InvokeCommand")
	r, err := s.send(ctx, "POST", address, cmdlet, body)
	if f, _ := s.judge(address, r, err, 0); f != nil {
		return nil, f
	}
	a, err := parseAnswer(r.body)
	if err != nil {
		return nil, failure(Malformed, "%s: %v", hostOf(s.base), err)
	}
	var tasks []Task
	for _, record := range a.records[:min(len(a.records), maxTasks)] {
		tasks = append(tasks, s.task(record))
	}
	return tasks, nil
}

// task reads a record. Unknown properties are kept as fields.
func (s *session) task(record json.RawMessage) Task {
	var fields map[string]json.RawMessage
	if json.Unmarshal(record, &fields) != nil {
		return Task{}
	}
	var t Task
	for key, value := range fields {
		text := s.fieldText(value)
		switch lower := strings.ToLower(key); {
		case lower == "taskname":
			t.Name = text
		case lower == "istasksuccessful" && (text == "true" || text == "false"):
			t.Successful = mailflow.TriOf(text == "true")
		case strings.Contains(lower, "@") || text == "" || text == "null":
		default:
			t.Fields = append(t.Fields, Field{probes.Sanitise(key, maxFieldText), text})
		}
	}
	slices.SortFunc(t.Fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	t.Fields = t.Fields[:min(len(t.Fields), maxFields)]
	return t
}

// fieldText returns a value as text: a JSON string without quotes, any other value as JSON. It removes the token.
func (s *session) fieldText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		var compact bytes.Buffer
		if json.Compact(&compact, value) != nil {
			return ""
		}
		text = compact.String()
	}
	return probes.Sanitise(strings.ReplaceAll(text, s.access.text, "[token]"), maxFieldText)
}
