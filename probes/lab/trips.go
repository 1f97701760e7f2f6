package lab

import (
	"fmt"
	"net"
)

// tripTenants are the tenants with a round trip, with their IDs.
var tripTenants = map[string]string{
	"contoso":  "4f1b0000-0000-4000-8000-000000000003",
	"tailspin": "4f1b0000-0000-4000-8000-000000000004",
}

// sinkHost is the watcher's address for round trips: connections from 127.0.0.1 cannot take its port meanwhile.
const sinkHost = "127.0.0.4"

// freeAddress returns a free address of sinkHost, or of 127.0.0.1 if there is no other loopback address.
func (w *World) freeAddress() (string, error) {
	host := "127.0.0.1"
	if w.usable(sinkHost) {
		host = sinkHost
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0")) //nolint:noctx // loopback
	if err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// tripRoute returns the outbound connector that leads the round trip of a tenant to the watcher.
func (w *World) tripRoute(tenant string) []FakeOutbound {
	if tripTenants[tenant] == "" {
		return nil
	}
	return []FakeOutbound{{Name: "Canary", Domains: []string{tenant + ".example"}, SmartHost: w.sink}}
}

// startTrips writes two round trips into the configuration: that of contoso is delivered, that of tailspin is
// attributed to contoso.
func (w *World) startTrips() {
	w.exchangeOnline.InjectRelayFault("tailspin", RelayFault{Tenant: tripTenants["contoso"]})
	fmt.Fprintf(&w.shared, "sink: { listen: [%q], hostname: sink.demo.example, networks: [127.0.0.0/8],\n"+
		"  tls_reports: [%s] }\nround_trips:\n", w.sink, reportRecipient)
	for _, trip := range []struct{ tenant, name, sender string }{
		{"contoso", "Hybrid", "edge-1"}, {"tailspin", "Third-party relay", "vendor"},
	} {
		fmt.Fprintf(&w.shared, "  - { name: %[1]s, tenant: %[2]s, start: { sender: %[3]s }, "+
			"recipient: canary@%[2]s.example,\n      expect: { tenant_id: %[4]s, origin: hybrid_on_prem } }\n",
			trip.name, trip.tenant, trip.sender, tripTenants[trip.tenant])
	}
}
