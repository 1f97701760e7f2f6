package exchangeonline

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// maxPages bounds the pages of one answer.
const maxPages = 100

// invoke calls a cmdlet and returns all of its records.
func (s *session) invoke(
	ctx context.Context, c Cmdlet, parameters map[string]any,
) ([]json.RawMessage, []string, *Failure) {
	body := command(c.Name, parameters)
	a, r, f := s.page(ctx, s.invokePath(c), c.Name, body)
	if f != nil && f.Reason == Malformed && r.status == http.StatusBadRequest && c.properties != nil {
		c.properties = nil // one of them may not exist in this tenant
		a, _, f = s.page(ctx, s.invokePath(c), c.Name, body)
	}
	if f != nil {
		return nil, nil, f
	}
	return s.pages(ctx, c.Name, body, a)
}

// pages returns the records and warnings of a first page and of all pages after it.
func (s *session) pages(
	ctx context.Context, cmdlet string, body []byte, a answer,
) ([]json.RawMessage, []string, *Failure) {
	records, warnings := a.records, a.warnings
	for pages := 1; a.next != ""; pages++ {
		if pages == maxPages {
			return nil, nil, failure(Truncated, "%s: more than %d pages", cmdlet, maxPages)
		}
		if !sameHost(a.next, s.base) {
			return nil, nil, failure(Truncated, "%s: the next page is on another host, which is refused", cmdlet)
		}
		next, r, f := s.page(ctx, a.next, cmdlet, body)
		switch {
		case f != nil && r.status == http.StatusBadRequest:
			return nil, nil, failure(Truncated, "%s: the next page is refused (HTTP status 400)", cmdlet)
		case f != nil:
			return nil, nil, f
		}
		a = next
		records, warnings = append(records, a.records...), append(warnings, a.warnings...)
	}
	a.warnings = warnings
	if a.warnsOfMore() {
		return nil, nil, failure(Truncated, "%s: Exchange Online has more records than it returned", cmdlet)
	}
	return records, warnings, nil
}

// page gets one page.
func (s *session) page(ctx context.Context, to, cmdlet string, body []byte) (answer, response, *Failure) {
	r, f := s.post(ctx, to, cmdlet, body)
	if f != nil {
		return answer{}, r, f
	}
	a, err := parseAnswer(r.body)
	if err != nil {
		return answer{}, r, failure(Malformed, "%s: %v", hostOf(s.base), err)
	}
	return a, r, nil
}

// invokePath returns the path of InvokeCommand for a cmdlet.
func (s *session) invokePath(c Cmdlet) string {
	path := s.adminAPI(beta, "InvokeCommand")
	if c.properties != nil {
		path += "?$select=" + strings.Join(c.properties, ",")
	}
	return path
}
