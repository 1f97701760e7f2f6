package mailflow

import (
	"fmt"
	"net/netip"
	"testing"
)

// crowd makes n tenants with 3 inbound connectors and 2 senders each: one with a certificate, one by address, of
// which every tenth tenant shares one; perConnector addresses a connector.
func crowd(n, perConnector int) []Tenant {
	tenants := make([]Tenant, n)
	address := func(i int) netip.Addr {
		return netip.AddrFrom4([4]byte{byte(1 + i>>24), byte(i >> 16), byte(i >> 8), byte(i)})
	}
	for i := range tenants {
		domain := fmt.Sprintf("tenant-%d.com", i)
		var prefixes []netip.Prefix
		var texts []string
		for j := range perConnector {
			k := i*perConnector + j
			if i%10 == 1 && j == 0 {
				k = 0
			}
			p := netip.PrefixFrom(address(k*4), 30+i%3)
			prefixes, texts = append(prefixes, p), append(texts, p.String())
		}
		byAddress := onPremises("by address", "-", "")
		byAddress.SenderIPAddresses = texts
		tenants[i] = tenant(fmt.Sprintf("tenant-%d", i), domain+" "+domain+".onmicrosoft.com",
			onPremises("by certificate", "*."+domain, ""), byAddress, partner("partner", "friend-"+domain, "", "192.0.2.1"))
		presented := certificate("mail." + domain)
		presented.Fingerprint = fmt.Sprintf("%064x", i)
		tenants[i].Senders = []Sender{
			{Name: "edge", Connector: "by certificate", MailFromDomains: []string{domain}, ClientCertificate: presented},
			{Name: "printer", Connector: "by address", MailFromDomains: []string{domain}, Addresses: prefixes[:min(1,
				len(prefixes))], Organization: domain, SendConnector: "out"},
		}
	}
	return tenants
}

// BenchmarkAttribution indexes 10,000 tenants and simulates all mail of their senders. At most one second and 200 MB
// with the overlaps.
func BenchmarkAttribution(b *testing.B) {
	tenants := crowd(10000, 1)
	b.ReportAllocs()
	for b.Loop() {
		d := NewDirectory(tenants)
		kept := make([][]Attribution, 0, 2*len(tenants))
		for i := range tenants {
			kept = append(kept, d.TenantAttributions(&tenants[i])...)
		}
		if len(kept) != 2*len(tenants) || len(kept[0]) == 0 {
			b.Fatal("nothing predicted")
		}
	}
}

// BenchmarkOverlaps compares 10,000 tenants with 100,000 prefixes. At most one second.
func BenchmarkOverlaps(b *testing.B) {
	tenants := crowd(10000, 10)
	b.ReportAllocs()
	for b.Loop() {
		if len(Overlaps(tenants)) == 0 {
			b.Fatal("nothing shared")
		}
	}
}

// BenchmarkOverlapsShared is the worst: every tenant lists the same 10 networks.
func BenchmarkOverlapsShared(b *testing.B) {
	tenants := crowd(10000, 0)
	for i := range tenants {
		for j := range 10 {
			tenants[i].Inbound[1].SenderIPAddresses = append(tenants[i].Inbound[1].SenderIPAddresses,
				fmt.Sprintf("192.0.2.0/%d", 24+j%9))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(Overlaps(tenants)) != 100000 {
			b.Fatal("not everything shared")
		}
	}
}

// BenchmarkOneTenant simulates one tenant of many connectors, all of which match, and many accepted domains.
func BenchmarkOneTenant(b *testing.B) {
	for _, size := range []struct{ connectors, domains int }{{500, 500}, {1000, 20000}, {100000, 1}} {
		b.Run(fmt.Sprintf("%dx%d", size.connectors, size.domains), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tenants := hostile(size.connectors, size.domains)
				if all := NewDirectory(tenants).TenantAttributions(&tenants[0]); len(all) != size.connectors || len(all[0]) == 0 {
					b.Fatal("nothing predicted")
				}
			}
		})
	}
}
