package main

import (
	"context"
	"net"
	"os"
	"strings"
	"time"
)

// hostnameWait bounds the look-up of this host's name.
const hostnameWait = 2 * time.Second

// nameService is what hostname asks; [net.Resolver] is one.
type nameService interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// hostname is the fully qualified name of this host, which the prober calls itself in EHLO where hello_name says nothing. Many
// servers refuse a name without a dot. Where DNS and the hosts file know no better one, it is what the system says.
func hostname(ctx context.Context) string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, hostnameWait)
	defer cancel()
	return qualified(ctx, net.DefaultResolver, name)
}

// qualified completes a name without a dot by looking its addresses up and back.
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
