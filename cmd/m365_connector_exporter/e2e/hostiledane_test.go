//go:build e2e

package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// hostileZone is the zone of domains whose TLSA records are hostile. Every domain is NAME.hostile.test, its MX host
// mx.NAME.hostile.test.
const hostileZone = "hostile.test."

// hostileTLSA is what the name server answers for the TLSA records of a domain: all signed, by its word.
type hostileTLSA struct {
	answer func(w dns.ResponseWriter, q *dns.Msg, right string)
	status string // the label of endpoint_dane_info; "" for none, because not enough is known
}

// signedAnswer sends records as an answer that was validated: by UDP only that it is truncated.
func signedAnswer(w dns.ResponseWriter, q *dns.Msg, records ...dns.RR) {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable, m.AuthenticatedData, m.Compress = true, true, true
	m.Answer = records
	if w.RemoteAddr().Network() == "udp" && m.Len() > 1232 {
		m.Answer, m.Truncated = nil, true
	}
	_ = w.WriteMsg(m)
}

// tlsaRecords returns n records of a name.
func tlsaRecords(name string, n int, data func(i int) string) (all []dns.RR) {
	header := dns.RR_Header{Name: name, Rrtype: dns.TypeTLSA, Class: dns.ClassINET, Ttl: 60}
	for i := range n {
		all = append(all, &dns.TLSA{Hdr: header, Usage: 3, Selector: 1, MatchingType: 1, Certificate: data(i)})
	}
	return all
}

func otherDigest(i int) string { return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, i))) }

// hostileTLSAs are the domains. right is the digest of the key that their mail server has.
var hostileTLSAs = map[string]hostileTLSA{
	"right": {func(w dns.ResponseWriter, q *dns.Msg, right string) {
		signedAnswer(w, q, tlsaRecords(q.Question[0].Name, 1, func(int) string { return right })...)
	}, "match"},
	"wrong": {func(w dns.ResponseWriter, q *dns.Msg, _ string) {
		signedAnswer(w, q, tlsaRecords(q.Question[0].Name, 1, otherDigest)...)
	}, "mismatch"},
	"thousands": {func(w dns.ResponseWriter, q *dns.Msg, _ string) { // of one byte each
		signedAnswer(w, q, tlsaRecords(q.Question[0].Name, 4000, func(i int) string { return fmt.Sprintf("%02x", i%256) })...)
	}, ""},
	"last-matches": {func(w dns.ResponseWriter, q *dns.Msg, right string) {
		signedAnswer(w, q, tlsaRecords(q.Question[0].Name, 1300, func(i int) string {
			if i == 1299 {
				return right
			}
			return otherDigest(i)
		})...)
	}, ""},
	"long-digest": {func(w dns.ResponseWriter, q *dns.Msg, _ string) {
		signedAnswer(w, q, tlsaRecords(q.Question[0].Name, 1, func(int) string { return strings.Repeat("00", 60_000) })...)
	}, "unusable"},
	"long-certificate": {func(w dns.ResponseWriter, q *dns.Msg, _ string) {
		all := tlsaRecords(q.Question[0].Name, 1, func(int) string { return strings.Repeat("00", 60_000) })
		all[0].(*dns.TLSA).MatchingType = 0
		signedAnswer(w, q, all...)
	}, ""},
	"empty": {func(w dns.ResponseWriter, q *dns.Msg, _ string) {
		signedAnswer(w, q, tlsaRecords(q.Question[0].Name, 1, func(int) string { return "" })...)
	}, "unusable"},
	"signatures": {func(w dns.ResponseWriter, q *dns.Msg, right string) {
		name := q.Question[0].Name
		all := tlsaRecords(name, 1, func(int) string { return right })
		for i := range 600 {
			all = append(all, &dns.RRSIG{
				Hdr:         dns.RR_Header{Name: name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: 60},
				TypeCovered: dns.TypeTLSA, Algorithm: dns.ECDSAP256SHA256, Labels: 4, OrigTtl: 60, KeyTag: uint16(i),
				SignerName: hostileZone, Signature: strings.Repeat("A", 86) + "==",
			})
		}
		signedAnswer(w, q, all...)
	}, "match"},
	"of-others": {func(w dns.ResponseWriter, q *dns.Msg, right string) {
		signedAnswer(w, q, tlsaRecords("_25._tcp.mx.right."+hostileZone, 100, func(int) string { return right })...)
	}, "none"},
	"aliases": {func(w dns.ResponseWriter, q *dns.Msg, _ string) { // to themselves
		name := q.Question[0].Name
		header := dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 60}
		signedAnswer(w, q, &dns.CNAME{Hdr: header, Target: name})
	}, ""},
	"broken": {func(w dns.ResponseWriter, q *dns.Msg, right string) { // the length of the data leads out of the message
		m := new(dns.Msg).SetReply(q)
		m.AuthenticatedData, m.Answer = true, tlsaRecords(q.Question[0].Name, 1, func(int) string { return right })
		raw, _ := m.Pack()
		raw[len(raw)-36] = 0xff
		_, _ = w.Write(raw)
	}, ""},
	"silent": {func(dns.ResponseWriter, *dns.Msg, string) {}, ""},
	"silent-by-tcp": {func(w dns.ResponseWriter, q *dns.Msg, _ string) {
		if m := new(dns.Msg).SetReply(q); w.RemoteAddr().Network() == "udp" {
			m.Truncated = true
			_ = w.WriteMsg(m)
		}
	}, ""},
}

// startHostileDNS starts the name server, which is its own resolver, and returns its address.
func startHostileDNS(t testing.TB, right string) string {
	t.Helper()
	return serveDNS(t, dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		name := q.Question[0].Name
		labels := dns.SplitDomainName(name)
		domain := ""
		if len(labels) >= 3 {
			domain = labels[len(labels)-3]
		}
		fresh := func(text string) dns.RR {
			rr, err := dns.NewRR(name + " 60 IN " + text)
			if err != nil {
				panic(err) // a mistake in this file
			}
			return rr
		}
		switch isHost := len(labels) == 4 && labels[0] == "mx"; {
		case q.Question[0].Qtype == dns.TypeTLSA:
			hostileTLSAs[domain].answer(w, q, right)
		case q.Question[0].Qtype == dns.TypeTXT && labels[0] == "_mta-sts":
			var all []dns.RR
			for i := range 2000 { // records of MTA-STS, of which there may be one
				all = append(all, fresh(fmt.Sprintf(`TXT "v=STSv1; id=%d;"`, i)))
			}
			signedAnswer(w, q, all...)
		case q.Question[0].Qtype == dns.TypeMX && len(labels) == 3:
			signedAnswer(w, q, fresh("MX 10 mx."+name))
		case q.Question[0].Qtype == dns.TypeA && isHost:
			signedAnswer(w, q, fresh("A 127.0.6.1"))
		default:
			signedAnswer(w, q)
		}
	}))
}

// TestHostileTLSARecords has one path to each domain with hostile records, and thousands of records of MTA-STS. Each
// has its result, those of the others are right, and the daemon stays up and small.
func TestHostileTLSARecords(t *testing.T) {
	w := smallWorld(t)
	issued := w.issue(leaf{name: "mx.hostile.test"}, "mx")
	certificate, err := tls.LoadX509KeyPair(issued.chain, issued.key)
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() { _ = mailPeer{[]tls.Certificate{certificate}, neverSilent}.serve(listener) }() // ends with Close
	w.dns = startHostileDNS(t, fmt.Sprintf("%x", sha256.Sum256(issued.cert.RawSubjectPublicKeyInfo)))
	var paths []path
	for name := range hostileTLSAs {
		domain := strings.TrimSuffix(name+"."+hostileZone, ".")
		paths = append(paths, path{connector: name, hop: "mx:" + domain, port: port, probe: "until: tls, timeout: 5s, "})
	}
	d := w.serve(w.configure("hostile.yaml", paths...))
	eventually(t, time.Minute, func() string {
		var wrong []string
		m := d.metrics()
		for name, want := range hostileTLSAs {
			status := ""
			for _, s := range m.find("endpoint_dane_info", "connector", name) {
				status = s.labels["status"]
			}
			policies := m.find("mta_sts_info", "domain", name+".hostile.test")
			if len(policies) != 1 || policies[0].labels["mode"] != "invalid" {
				wrong = append(wrong, fmt.Sprintf("%s: mta_sts_info %v, want mode invalid", name, policies))
			}
			if success, ok := m.value("probe_success", "connector", name); status != want.status || !ok || success != 1 {
				wrong = append(wrong, fmt.Sprintf("%s: status %q, want %q; probe_success %v (%v)", name, status, want.status,
					success, ok))
			}
		}
		return strings.Join(wrong, "\n")
	})
	for _, page := range []string{"/", "/findings", "/tenant/contoso", "/api/v1/paths"} {
		if status, body := d.http(http.MethodGet, page); status != http.StatusOK || len(body) > 4<<20 {
			t.Errorf("%s: status %d, %d bytes", page, status, len(body))
		}
	}
	if m := d.metrics(); m["process_resident_memory_bytes"][0].value > 150e6 {
		t.Errorf("%v bytes resident", m["process_resident_memory_bytes"][0].value)
	}
}
