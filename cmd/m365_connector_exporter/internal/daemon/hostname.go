package daemon

import (
	"context"
	"net"
	"os"
	"strings"
	"time"
)

// hostnameWait bounds the lookup of this host's name.
const hostnameWait = 2 * time.Second

// nameService is implemented by [net.Resolver].
type nameService interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Hostname returns the fully qualified name of this host, the default for hello_name: many servers refuse a name
// without a dot. If neither DNS nor the hosts file has a qualified name, it returns the system's host name.
func Hostname(ctx context.Context) string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, hostnameWait)
	defer cancel()
	return qualified(ctx, net.DefaultResolver, name)
}

// qualified completes a name without a dot by a forward and a reverse lookup.
func qualified(ctx context.Context, dns nameService, name string) string {
	if strings.Contains(name, ".") {
		return strings.TrimSuffix(name, ".")
	}
	addresses, _ := dns.LookupHost(ctx, name) // no address: no better name
	for _, a := range addresses {
		names, _ := dns.LookupAddr(ctx, a)
		for _, n := range names {
			n = strings.TrimSuffix(n, ".")
			if label, _, ok := strings.Cut(n, "."); ok && strings.EqualFold(label, name) {
				return n
			}
		}
	}
	return name
}
