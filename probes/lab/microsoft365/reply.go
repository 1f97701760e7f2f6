package microsoft365

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// endpointFunc replies to a request of a known tenant.
type endpointFunc func(w http.ResponseWriter, r *http.Request, t *Tenant)

// endpoint counts the requests of an operation of Entra ID, lets a fault reply, and refuses unknown tenants.
func (s *Server) endpoint(name string, f endpointFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := s.tenantAt(r.PathValue("tenant"), r.Host, Cloud.logsInAt)
		s.serve(w, r, s.operation(t, r, name), func(w http.ResponseWriter, r *http.Request) {
			if t == nil {
				writeRefusal(w, refusal{code: tenantNotFound, tenant: r.PathValue("tenant")})
				return
			}
			f(w, r, t)
		})
	})
}

// tenantAt returns a tenant if its cloud is at a host.
func (s *Server) tenantAt(name, host string, at func(Cloud, string) bool) *Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.find(name); t != nil && at(t.Cloud, host) {
		return t
	}
	return nil
}

func (s *Server) operation(t *Tenant, r *http.Request, name string) operation {
	if t != nil {
		return operation{strings.ToLower(t.ID), name}
	}
	return operation{strings.ToLower(r.PathValue("tenant")), name}
}

// serve counts a request and replies with the fault of its operation, or else with f.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, op operation, f http.HandlerFunc) {
	s.begin(op.tenant)
	defer s.end(op.tenant)
	counted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	defer func() { s.count(op, counted.status) }()
	if fault := s.fault(op); fault != nil {
		fault(counted, r, f)
		return
	}
	f(counted, r)
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements [http.ResponseWriter].
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] flush.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// recorded is a reply that is kept instead of sent.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// record returns what a handler replies.
func record(r *http.Request, h http.Handler) *recorded {
	reply := &recorded{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(reply, r)
	return reply
}

// Header implements [http.ResponseWriter].
func (r *recorded) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter].
func (r *recorded) WriteHeader(status int) { r.status = status }

// Write implements [http.ResponseWriter].
func (r *recorded) Write(b []byte) (int, error) { return r.body.Write(b) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // the client may be gone
}
