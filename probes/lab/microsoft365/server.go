package microsoft365

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// maxConns bounds the open connections of the server.
const maxConns = 200

// Options describe a [Server].
type Options struct {
	Addr        string           // "127.0.0.1:0" when empty
	Certificate tls.Certificate  // for the names that clients use
	Now         func() time.Time // judges assertions, secrets and tokens; [time.Now] when nil
	Tenants     []Tenant
}

// Server is a fake of Entra ID and of the Exchange Online admin API.
type Server struct {
	now      func() time.Time
	key      []byte // signs access tokens
	listener net.Listener
	http     http.Server
	serving  sync.WaitGroup

	mu      sync.Mutex
	tenants map[string]*Tenant // by ID
	faults  map[operation]Fault
	usage   usage
}

// Start starts a server. The caller must call [Server.Close].
func Start(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	listener, err := net.Listen("tcp", o.Addr) //nolint:noctx // loopback
	if err != nil {
		return nil, fmt.Errorf("microsoft365: %w", err)
	}
	s := &Server{
		now: o.Now, key: []byte(rand.Text()), listener: netutil.LimitListener(listener, maxConns),
		tenants: map[string]*Tenant{}, faults: map[operation]Fault{}, usage: newUsage(),
	}
	for _, t := range o.Tenants {
		s.tenants[strings.ToLower(t.ID)] = &t
	}
	s.http = http.Server{
		Handler: s.routes(), ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{o.Certificate}, MinVersion: tls.VersionTLS12},
	}
	s.serving.Go(func() { _ = s.http.ServeTLS(s.listener, "", "") }) // ends with Close
	return s, nil
}

// URL returns the server's address, "https://127.0.0.1:port".
func (s *Server) URL() string { return "https://" + s.listener.Addr().String() }

// Close stops the server and closes its connections.
func (s *Server) Close() {
	_ = s.http.Close()
	s.serving.Wait()
}

// routes returns the handler of all endpoints.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{tenant}/v2.0/.well-known/openid-configuration", s.endpoint(OpenID, s.openIDConfiguration))
	mux.Handle("POST /{tenant}/oauth2/v2.0/token", s.endpoint(Token, s.token))
	mux.Handle("POST /adminapi/beta/{tenant}/InvokeCommand", s.admin("", s.invokeCommand))
	mux.Handle("POST /adminapi/beta/{tenant}/$batch", s.admin(Batch, s.batch))
	mux.Handle("GET /AdminApi/v1.0/{tenant}/EXOModuleFile", s.admin(ModuleFile, s.moduleFile))
	return mux
}

// Tenant returns a copy of a tenant, found by its ID or domain in any case.
func (s *Server) Tenant(name string) (Tenant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.find(name); t != nil {
		return t.clone(), nil
	}
	return Tenant{}, fmt.Errorf("microsoft365: tenant %q: not found", name)
}

// Update changes a tenant while the server runs.
func (s *Server) Update(name string, change func(*Tenant)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.find(name)
	if t == nil {
		return fmt.Errorf("microsoft365: tenant %q: not found", name)
	}
	changed := t.clone()
	change(&changed)
	if !strings.EqualFold(changed.ID, t.ID) {
		return errors.New("microsoft365: a tenant keeps its ID")
	}
	s.tenants[strings.ToLower(t.ID)] = &changed
	return nil
}

func (s *Server) find(name string) *Tenant {
	name = strings.ToLower(name)
	if t, ok := s.tenants[name]; ok {
		return t
	}
	for _, t := range s.tenants {
		if name != "" && strings.EqualFold(t.Domain, name) {
			return t
		}
	}
	return nil
}
