package microsoft365

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Fault replies to a request instead of the server. It may let the server reply, with healthy.
type Fault func(w http.ResponseWriter, r *http.Request, healthy http.Handler)

// InjectFault makes requests of a tenant fail: those for a cmdlet, or for [OpenID], [Token], [Batch] or [ModuleFile].
// A nil fault ends it. The tenant may be unknown, or "" for those tenants that have no fault of their own.
func (s *Server) InjectFault(tenant, name string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.find(tenant); t != nil {
		tenant = t.ID
	}
	op := operation{strings.ToLower(tenant), name}
	if f == nil {
		delete(s.faults, op)
		return
	}
	s.faults[op] = f
}

func (s *Server) fault(op operation) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.faults[op]; f != nil {
		return f
	}
	return s.faults[operation{"", op.name}]
}

// Times limits a fault to the first n requests.
func Times(n int, f Fault) Fault {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
		if count.Add(1) > int64(n) {
			healthy.ServeHTTP(w, r)
			return
		}
		f(w, r, healthy)
	}
}

// Every limits a fault to each nth request, beginning with the first.
func Every(n int, f Fault) Fault {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
		if (count.Add(1)-1)%int64(n) != 0 {
			healthy.ServeHTTP(w, r)
			return
		}
		f(w, r, healthy)
	}
}

// Throttled replies 429 with Retry-After in seconds, rounded up; without it if after is negative.
func Throttled(after time.Duration) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if after >= 0 {
			w.Header().Set("Retry-After", strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10))
		}
		apiError(w, http.StatusTooManyRequests, "TooManyRequests", "", "Too many requests, please try again later.")
	}
}

// Status replies with a status and the error envelope.
func Status(code int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		apiError(w, code, strings.ReplaceAll(http.StatusText(code), " ", ""), "", http.StatusText(code))
	}
}

// Invalid replies 400 with the envelope of a cmdlet that failed.
func Invalid(exception, message string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		apiError(w, http.StatusBadRequest, "BadRequest", exception, message)
	}
}

// Refused replies as Entra ID does with an AADSTS code.
func Refused(code int) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_ = r.ParseForm() // an unreadable form has no client
		writeRefusal(w, refusal{code: code, tenant: r.PathValue("tenant"), client: r.PostForm.Get("client_id")})
	}
}

// Forbidden replies 403 with NUL bytes.
func Forbidden(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write(make([]byte, 4096))
}

// HTML replies 200 with a page, as a captive portal or a proxy does.
func HTML(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>")
}

// Redirect replies 302 to another address.
func Redirect(to string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, to, http.StatusFound)
	}
}

// Body replies 200 with a text as JSON.
func Body(text string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

// Nested replies with an array in an array, and so on.
func Nested(depth int) Fault {
	return Body(`{"value":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`)
}

// Cut sends half of the healthy reply and closes the connection.
func Cut(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
	reply := record(r, healthy)
	w.Header().Set("Content-Length", strconv.Itoa(reply.body.Len()))
	w.WriteHeader(reply.status)
	_, _ = w.Write(reply.body.Bytes()[:reply.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler) // net/http closes the connection
}

// Slow sends the healthy reply byte by byte.
func Slow(each time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
		reply := record(r, healthy)
		w.WriteHeader(reply.status)
		for _, b := range reply.body.Bytes() {
			_, _ = w.Write([]byte{b})
			_ = http.NewResponseController(w).Flush()
			if !sleep(r, each) {
				panic(http.ErrAbortHandler) // a return would end the reply as if it were whole
			}
		}
	}
}

// Late waits before the healthy reply.
func Late(wait time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, healthy http.Handler) {
		if !sleep(r, wait) {
			panic(http.ErrAbortHandler) // a return would send an empty reply, and the client may still read it
		}
		healthy.ServeHTTP(w, r)
	}
}

// sleep waits and reports whether the client is still there.
func sleep(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// Huge sends valid JSON of a size: a record with one long text.
func Huge(size int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		writeHuge(w, size)
	}
}

// GzipBomb sends the body of [Huge] compressed, about a thousandth of its size.
func GzipBomb(size int) Fault {
	var packed bytes.Buffer
	compressor := gzip.NewWriter(&packed)
	writeHuge(compressor, size)
	_ = compressor.Close() // a buffer takes everything
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	}
}

func writeHuge(w io.Writer, size int) {
	chunk := bytes.Repeat([]byte{'a'}, 64<<10)
	_, err := fmt.Fprint(w, `{"value":[{"Name":"`)
	for ; size > 0 && err == nil; size -= len(chunk) {
		_, err = w.Write(chunk[:min(size, len(chunk))])
	}
	_, _ = fmt.Fprint(w, `"}],"@adminapi.warnings":[]}`)
}
