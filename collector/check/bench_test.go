package check_test

import (
	"fmt"
	"net/netip"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// BenchmarkRun judges 10,000 tenants with three connectors, two senders and four paths each; every tenth is found
// guilty of something.
func BenchmarkRun(b *testing.B) {
	f := many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if len(check.Run(f)) == 0 {
			b.Fatal("nothing is found")
		}
	}
}

func many(tenants int) *check.Facts {
	w := newWorld()
	f := w.Facts
	f.Tenants, f.Paths, f.MX = nil, nil, map[string][]string{}
	for i := range tenants {
		t := healthy(fmt.Sprintf("tenant-%d", i))
		printer := mailflow.InboundConnector{
			Common:            mailflow.Common{Name: "Printers", Type: mailflow.OnPremises},
			SenderIPAddresses: []string{fmt.Sprintf("%d.%d.%d.10", 20+i>>16, i>>8&255, i&255)},
		}
		prefix := netip.PrefixFrom(netip.MustParseAddr(printer.SenderIPAddresses[0]), 32)
		t.Inbound = append(t.Inbound, printer)
		t.Senders = append(
			t.Senders,
			mailflow.Sender{
				Name: "printer", Connector: "Printers", Relays: "external", Addresses: []netip.Prefix{prefix},
				MailFromDomains: []string{t.Name + ".com"},
			},
		)
		if i%10 == 0 {
			t.Outbound[0].TLSDomain = ""
		}
		f.Tenants = append(f.Tenants, t)
		f.MX[t.Name+".com"] = []string{t.Name + "-com.mail.protection.outlook.com"}
		out, in, second := own(w.path), own(w.inPath), own(w.inPath)
		out.ID.Tenant = t.Name
		in.ID.Tenant = t.Name
		second.ID.Tenant = t.Name
		second.ID.Connector = "Printers"
		second.ID.Path = "printer"
		second.Client = nil
		f.Paths = append(f.Paths, out, in, second)
	}
	d := mailflow.NewDirectory(f.Tenants)
	f.Overlaps = mailflow.Overlaps(f.Tenants)
	f.Attributions = map[probes.PathID][]mailflow.Attribution{}
	for i := range f.Tenants {
		t := &f.Tenants[i]
		for j, attributions := range d.TenantAttributions(t) {
			s := &t.Senders[j]
			id := probes.PathID{Tenant: t.Name, Direction: mailflow.Inbound, Connector: s.Connector, Path: s.Name}
			f.Attributions[id] = attributions
		}
	}
	return &f
}

// own is a copy of a path that may be changed.
func own(of *check.Path) check.Path {
	p, planned := *of, *of.Path
	p.Path = &planned
	return p
}
