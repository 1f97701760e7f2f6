package microsoft365

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// maxBatch is how many requests public clients put into one batch.
const maxBatch = 10

// batchRequest is one request of a batch.
type batchRequest struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    command           `json:"body"`
}

// batch runs several cmdlets. The answer to each has its ID and its body; a public client that reads a status is not
// known.
func (s *Server) batch(w http.ResponseWriter, r *http.Request, t *Tenant) {
	var b struct {
		Requests []batchRequest `json:"requests"`
	}
	err := json.NewDecoder(r.Body).Decode(&b)
	switch {
	case err != nil:
	case len(b.Requests) == 0 || len(b.Requests) > maxBatch:
		err = fmt.Errorf("%d requests, want 1 to %d", len(b.Requests), maxBatch)
	case !strings.Contains(r.Header.Get("Prefer"), "odata.continue-on-error"):
		err = fmt.Errorf("header Prefer: %q, want odata.continue-on-error", r.Header.Get("Prefer"))
	}
	if err != nil {
		apiError(w, http.StatusBadRequest, "BadRequest", "", err.Error())
		return
	}
	responses := make([]map[string]any, 0, len(b.Requests))
	for _, request := range b.Requests {
		responses = append(responses, map[string]any{"id": request.ID, "body": s.runOne(r, t, request)})
	}
	writeJSON(w, http.StatusOK, map[string]any{"responses": responses})
}

// runOne returns the body of the answer to one request of a batch, null if it is not JSON.
func (s *Server) runOne(r *http.Request, t *Tenant, request batchRequest) json.RawMessage {
	reply := record(r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := operation{strings.ToLower(t.ID), request.Body.CmdletInput.CmdletName}
		s.serve(w, r, op, func(w http.ResponseWriter, r *http.Request) {
			inner, err := request.open(r, t)
			if err != nil {
				apiError(w, http.StatusBadRequest, "BadRequest", "", err.Error())
				return
			}
			s.run(w, inner, t, request.Body)
		})
	}))
	if !json.Valid(reply.body.Bytes()) {
		return json.RawMessage("null")
	}
	return reply.body.Bytes()
}

// open returns the request as if it had been sent alone.
func (b batchRequest) open(outer *http.Request, t *Tenant) (*http.Request, error) {
	address, err := url.Parse(b.URL)
	switch {
	case err != nil:
		return nil, err
	case b.ID == "":
		return nil, fmt.Errorf("a request without id")
	case b.Method != http.MethodPost:
		return nil, fmt.Errorf("method %q, want POST", b.Method)
	case address.Host != "" && !strings.EqualFold(address.Host, outer.Host):
		return nil, fmt.Errorf("url %q, want one at %s", b.URL, outer.Host)
	case !strings.HasSuffix(strings.ToLower(address.Path), "/"+strings.ToLower(t.ID)+"/invokecommand"):
		return nil, fmt.Errorf("url %q, want InvokeCommand of the tenant", b.URL)
	}
	inner := outer.Clone(outer.Context())
	inner.URL = address
	for name, value := range b.Headers {
		inner.Header.Set(name, value)
	}
	return inner, nil
}
