package exchangeonline

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// Bounds of the cmdlets that are called for each domain.
const (
	maxBatch   = 10  // calls in one request, as public clients make
	maxDomains = 100 // for one tenant and cmdlet
)

// batchRequest is one call in a batch.
type batchRequest struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// batchResponse is the response to one call.
type batchResponse struct {
	ID     string          `json:"id"`
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// domainCall is a call for one domain, and its result.
type domainCall struct {
	domain  string
	records []json.RawMessage
	err     *Failure
	done    bool
}

// invokeForDomains calls a cmdlet for each domain and returns all records, each with its domain. It is normal that the
// cmdlet fails for some domains, because not every feature exists for every domain.
func (s *session) invokeForDomains(ctx context.Context, c Cmdlet, domains []string) ([]json.RawMessage, *Failure) {
	calls := make([]domainCall, len(domains))
	for i, d := range domains {
		calls[i].domain = d
	}
	for start := 0; start < len(calls); start += maxBatch {
		if f := s.callBatch(ctx, c, calls[start:min(start+maxBatch, len(calls))]); f != nil {
			return nil, f
		}
	}
	return collect(calls)
}

// collect returns the records of all calls. It fails if all calls failed, or one failed for a reason that does not
// depend on the domain.
func collect(calls []domainCall) ([]json.RawMessage, *Failure) {
	var found []json.RawMessage
	var first *Failure
	failed := 0
	for i := range calls {
		c := &calls[i]
		if c.err == nil {
			for _, record := range c.records {
				found = append(found, withDomain(record, c.domain))
			}
			continue
		}
		failed++
		if first == nil {
			first = c.err
		}
		if c.err.Reason != Malformed {
			return nil, c.err
		}
	}
	if failed == len(calls) && failed > 0 {
		return nil, first
	}
	return found, nil
}

// withDomain adds the domain to a record that does not contain it.
func withDomain(record json.RawMessage, domain string) json.RawMessage {
	var has struct {
		Domain, DomainName any
	}
	if json.Unmarshal(record, &has) != nil || has.Domain != nil || has.DomainName != nil {
		return record
	}
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(record, &fields) != nil {
		return record
	}
	fields["Domain"] = json.RawMessage(strconv.Quote(domain))
	with, err := json.Marshal(fields)
	if err != nil {
		return record
	}
	return with
}

// callBatch makes up to maxBatch calls in one request, and repeats those that were throttled. If the service does not
// support batches, it makes the calls one by one.
func (s *session) callBatch(ctx context.Context, c Cmdlet, calls []domainCall) *Failure {
	for tries := 0; ; tries++ {
		r, f := s.post(ctx, s.adminAPI(beta, "$batch"), c.Name, s.batchBody(c, calls))
		if f != nil && (r.status == http.StatusBadRequest || r.status == http.StatusNotFound) {
			return s.callEach(ctx, c, calls)
		}
		if f != nil {
			return f
		}
		if !s.takeBatch(r.body, calls) {
			return s.callEach(ctx, c, calls)
		}
		throttled := slices.ContainsFunc(calls, func(c domainCall) bool { return !c.done })
		if !throttled || tries+1 == maxTries || !s.budget.pause(ctx, backoff(tries)) {
			return nil
		}
	}
}

// batchBody returns the request for the calls that are not done.
func (s *session) batchBody(c Cmdlet, calls []domainCall) []byte {
	var batch struct {
		Requests []batchRequest `json:"requests"`
	}
	for i, call := range calls {
		if call.done {
			continue
		}
		batch.Requests = append(batch.Requests, batchRequest{
			ID: strconv.Itoa(i), Method: http.MethodPost, URL: s.base + s.invokePath(c),
			Headers: map[string]string{
				"Content-Type": "application/json; charset=utf-8", "X-CmdletName": c.Name, "X-AnchorMailbox": s.anchor(),
				"X-ResponseFormat": "json", "Prefer": "odata.maxpagesize=1000",
			},
			Body: command(c.Name, map[string]any{c.domain: call.domain}),
		})
	}
	body, err := json.Marshal(batch)
	if err != nil {
		panic(err) // of values of this package
	}
	return body
}

// takeBatch stores the results of a batch in the calls. ok is false if the body is not that of a batch.
func (s *session) takeBatch(body []byte, calls []domainCall) (ok bool) {
	var batch struct {
		Responses []batchResponse `json:"responses"`
	}
	if json.Unmarshal(body, &batch) != nil || batch.Responses == nil {
		return false
	}
	for _, r := range batch.Responses {
		i, err := strconv.Atoi(r.ID)
		if err != nil || i < 0 || i >= len(calls) || calls[i].done {
			continue
		}
		calls[i].records, calls[i].err = s.batchAnswer(r)
		calls[i].done = calls[i].err == nil || calls[i].err.Reason != Throttled
	}
	for i := range calls {
		if !calls[i].done && calls[i].err == nil {
			calls[i].err = failure(Throttled, "Exchange Online has not answered all calls of a batch")
		}
	}
	return true
}

// batchAnswer returns the result of one call.
func (s *session) batchAnswer(r batchResponse) ([]json.RawMessage, *Failure) {
	if r.Status != 0 && r.Status != http.StatusOK {
		return nil, s.judgeStatus(hostOf(s.base), r.Status, r.Body)
	}
	a, err := parseAnswer(r.Body)
	switch {
	case err != nil:
		return nil, judgeException(parseError(r.Body))
	case a.next != "" || a.warnsOfMore():
		return nil, failure(Truncated, "Exchange Online has more records than it returned")
	}
	return a.records, nil
}

// callEach makes the calls one by one.
func (s *session) callEach(ctx context.Context, c Cmdlet, calls []domainCall) *Failure {
	for i := range calls {
		call := &calls[i]
		call.records, _, call.err = s.invoke(ctx, c, map[string]any{c.domain: call.domain})
		call.done = true
		if call.err != nil && call.err.Reason != Malformed {
			return call.err
		}
	}
	return nil
}
