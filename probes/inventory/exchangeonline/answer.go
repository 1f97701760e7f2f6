package exchangeonline

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// answer is the output of a cmdlet, or one page of it, as InvokeCommand returns it.
type answer struct {
	records  []json.RawMessage
	warnings []string
	next     string // URL of the next page; "" if there is none
}

var errAnswer = errors.New("the answer is not that of InvokeCommand")

// parseAnswer parses the body of a successful response. Unknown keys are ignored, but a body without any known key is
// an error: {"message":"…"} from a proxy must not look like an empty list of connectors.
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

// texts returns the texts in a list, nil if the value is not a list.
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

// warnsOfMore reports whether a warning names ResultSize, the parameter that would return more records. The language of
// the warning depends on the tenant, but not the name of the parameter.
func (a *answer) warnsOfMore() bool {
	return slices.ContainsFunc(a.warnings, func(w string) bool {
		return strings.Contains(strings.ToLower(w), "resultsize")
	})
}

// exceptions are the names of exceptions that a Failure may contain. It contains no other text of a peer.
var exceptions = []string{
	commandNotFound, "AmbiguousParameterSetException", "ParameterTransformationException", "ParameterBindingException",
	"ManagementObjectNotFoundException", "UnauthorizedAccessException", "OverBudgetException",
	"TransientException", "ServerBusyException", "ArgumentException", "InvalidOperationException",
}

// commandNotFound is the exception for a cmdlet that does not exist, or that the roles of the caller do not include.
const commandNotFound = "CommandNotFoundException"

// parseError returns the name of the exception in the body of a failed response, "" if it contains no known one.
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
