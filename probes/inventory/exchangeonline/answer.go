package exchangeonline

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// answer is what InvokeCommand returns for a cmdlet, or one page of it.
type answer struct {
	records  []json.RawMessage
	warnings []string
	next     string // the URL of the next page; empty where there is none
}

var errAnswer = errors.New("the answer is not that of InvokeCommand")

// parseAnswer parses the body of a successful answer. Unknown keys are ignored, but one that has none of the known keys
// is refused: a proxy's {"message":"…"} must not look like an empty list of connectors.
func parseAnswer(body []byte) (answer, error) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(body, &keys) != nil || keys == nil {
		return answer{}, errAnswer
	}
	var a answer
	known := false
	for key, value := range keys {
		err := error(nil)
		switch strings.ToLower(key) {
		case "value":
			a.records, err = records(value)
		case "@adminapi.warnings":
			a.warnings = texts(value)
		case "@odata.nextlink":
			err = json.Unmarshal(value, &a.next)
		case "adminapi.warnings@odata.type", "@odata.context":
		case "error":
			err = errAnswer
		default:
			continue
		}
		if err != nil {
			return answer{}, errAnswer
		}
		known = true
	}
	if !known {
		return answer{}, errAnswer
	}
	return a, nil
}

// records returns the records in a value: a list, one record, or null.
func records(value json.RawMessage) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if isObject(value) {
		list = []json.RawMessage{value}
	} else if err := json.Unmarshal(value, &list); err != nil {
		return nil, errAnswer
	}
	var found []json.RawMessage
	for _, record := range list {
		switch {
		case isObject(record):
			found = append(found, record)
		case !bytes.Equal(bytes.TrimSpace(record), []byte("null")):
			return nil, errAnswer
		}
	}
	return found, nil
}

func isObject(value json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimSpace(value), []byte("{"))
}

// texts returns the texts in a list; nil where it is not one.
func texts(value json.RawMessage) []string {
	var list []any
	if json.Unmarshal(value, &list) != nil {
		return nil
	}
	var found []string
	for _, item := range list {
		text, _ := item.(string)
		found = append(found, text)
	}
	return found
}

// warnsOfMore reports whether a warning names the parameter that would return more records. The warning's language
// depends on the tenant, the parameter's name does not.
func (a *answer) warnsOfMore() bool {
	for _, w := range a.warnings {
		if strings.Contains(strings.ToLower(w), "resultsize") {
			return true
		}
	}
	return false
}

// exceptions are the names of exceptions that a failure may contain. Any other text of a peer stays out of it.
var exceptions = []string{
	commandNotFound, "AmbiguousParameterSetException", "ParameterTransformationException", "ParameterBindingException",
	"ManagementObjectNotFoundException", "UnauthorizedAccessException", "OverBudgetException",
	"TransientException", "ServerBusyException", "ArgumentException", "InvalidOperationException",
}

// commandNotFound is the exception for a cmdlet that does not exist, or that the roles of the caller do not include.
const commandNotFound = "CommandNotFoundException"

// parseError returns the name of the exception in the body of a failed answer; empty where there is none that is known.
func parseError(body []byte) string {
	var e struct {
		Error struct {
			Code       string `json:"code"`
			InnerError struct {
				Exception struct {
					Type string `json:"type"`
				} `json:"internalexception"`
			} `json:"innererror"`
			Details []struct {
				Message string `json:"message"`
			} `json:"details"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	names := []string{e.Error.InnerError.Exception.Type, e.Error.Code}
	for _, d := range e.Error.Details { // "|Type|text"
		if parts := strings.SplitN(d.Message, "|", 3); len(parts) == 3 {
			names = append(names, parts[1])
		}
	}
	for _, name := range names {
		last := name[strings.LastIndexByte(name, '.')+1:]
		if i := slices.Index(exceptions, last); i >= 0 {
			return exceptions[i]
		}
	}
	return ""
}
