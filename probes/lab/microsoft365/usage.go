package microsoft365

import (
	"maps"
	"slices"
	"strings"
)

// Operations that are not cmdlets, for [Server.Count] and [Server.InjectFault].
const (
	OpenID     = "openid-configuration"
	Token      = "token"
	Batch      = "$batch"
	ModuleFile = "EXOModuleFile"
)

// maxSensitive is how many tokens and assertions the server keeps.
const maxSensitive = 2000

// operation is a tenant's ID, in lower case, with the name of a cmdlet or another operation.
type operation struct{ tenant, name string }

// usage is what clients did.
type usage struct {
	requests  map[operation]int
	denied    map[operation]int // replies with a status of 400 or above
	underWay  map[string]int    // requests by tenant
	peak      int               // the most tenants with requests under way
	sensitive []string          // the newest tokens, assertions and secrets
}

func newUsage() usage {
	return usage{requests: map[operation]int{}, denied: map[operation]int{}, underWay: map[string]int{}}
}

// begin records a request of a tenant that has begun.
func (s *Server) begin(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage.underWay[tenant]++
	s.usage.peak = max(s.usage.peak, len(s.usage.underWay))
}

func (s *Server) end(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usage.underWay[tenant]--; s.usage.underWay[tenant] == 0 {
		delete(s.usage.underWay, tenant)
	}
}

func (s *Server) count(op operation, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usage.requests[op]++
	if status >= 400 {
		s.usage.denied[op]++
	}
}

// keep records a text that no log, page or metric may contain.
func (s *Server) keep(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usage.sensitive = append(s.usage.sensitive, text); len(s.usage.sensitive) > maxSensitive {
		s.usage.sensitive = slices.Clone(s.usage.sensitive[1:])
	}
}

// Count returns how often a tenant's cmdlet, or another operation, was requested, and how often the status of the
// reply was 400 or above. Requests of a batch count by cmdlet. An empty tenant counts those of all tenants.
func (s *Server) Count(tenant, name string) (requests, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.find(tenant); t != nil {
		tenant = t.ID
	}
	for op, n := range s.usage.requests {
		if op.name == name && (tenant == "" || op.tenant == strings.ToLower(tenant)) {
			requests += n
			refused += s.usage.denied[op]
		}
	}
	return requests, refused
}

// Requested returns the names of all cmdlets and other operations that were requested, sorted.
func (s *Server) Requested() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := map[string]bool{}
	for op := range s.usage.requests {
		names[op.name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Peak returns the most tenants that had requests under way at one time.
func (s *Server) Peak() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usage.peak
}

// Sensitive returns the newest tokens, assertions and secrets that the server issued or received. They may be in no
// output of a client.
func (s *Server) Sensitive() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.usage.sensitive)
}
