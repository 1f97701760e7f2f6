package microsoft365

import (
	"bytes"
	"io"
	"net/http"
)

// RoundTrip implements [http.RoundTripper] without a network, for tests in which a package of the standard library
// replaces the clock. It knows no HTTP errors: [Cut] and [Slow] panic.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	inner := r.Clone(r.Context())
	inner.Host = r.URL.Host
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	reply := record(inner, s.http.Handler)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: reply.status, Status: http.StatusText(reply.status), Header: reply.header, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(reply.body.Bytes())), ContentLength: int64(reply.body.Len()),
	}, nil
}
