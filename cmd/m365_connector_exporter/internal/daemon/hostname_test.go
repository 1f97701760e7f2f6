package daemon

import (
	"context"
	"errors"
	"testing"
)

// zone is forward and reverse DNS in one map.
type zone map[string][]string

func (z zone) look(key string) ([]string, error) {
	if found, ok := z[key]; ok {
		return found, nil
	}
	return nil, errors.New("no such name")
}

func (z zone) LookupHost(_ context.Context, host string) ([]string, error) { return z.look(host) }
func (z zone) LookupAddr(_ context.Context, addr string) ([]string, error) { return z.look(addr) }

func TestQualified(t *testing.T) {
	for _, tt := range []struct {
		name string
		dns  zone
		want string
	}{
		{"prober.contoso.com", nil, "prober.contoso.com"},
		{"prober", zone{"prober": {"192.0.2.1"}, "192.0.2.1": {"prober.contoso.com."}}, "prober.contoso.com"},
		{"Prober", zone{"Prober": {"2001:db8::1"}, "2001:db8::1": {"prober.contoso.com."}}, "prober.contoso.com"},
		{"prober", zone{
			"prober": {"127.0.1.1", "192.0.2.1"}, "127.0.1.1": {"prober"},
			"192.0.2.1": {"prober.contoso.com."},
		}, "prober.contoso.com"},
		{"prober", zone{"prober": {"192.0.2.1"}, "192.0.2.1": {"host-1.provider.example."}}, "prober"},
		{"prober", zone{"prober": {"192.0.2.1"}}, "prober"},
		{"prober", nil, "prober"},
	} {
		if got := qualified(t.Context(), tt.dns, tt.name); got != tt.want {
			t.Errorf("%s in %v: %s, want %s", tt.name, tt.dns, got, tt.want)
		}
	}
}
