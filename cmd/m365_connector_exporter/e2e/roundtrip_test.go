//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// IDs of the tenants that messages are attributed to.
const (
	tripTenant  = "a0000000-0000-4000-8000-000000000001"
	otherTenant = "a0000000-0000-4000-8000-000000000002"
)

// tripCase is a round trip: whose certificate the message has, what happens to it, and what must be found.
type tripCase struct {
	name, certificate string
	fault             lab.RelayFault
	keys              string // of the configuration
	outcomes          string // in alphabetical order
	handed            bool   // Exchange Online has it under way
}

var trips = []tripCase{
	{"good", "contoso", lab.RelayFault{}, expectOwn, "delivered", true},
	{"late", "contoso", lab.RelayFault{}, expectOwn + ", late_after: 1s", "late", true},
	{"returned", "contoso", lab.RelayFault{}, expectOwn, "returned", true},
	{"misrouted", "fabrikam", lab.RelayFault{}, expectOwn, "misrouted", true},
	{"spam", "tailspin", lab.RelayFault{Spam: true}, "expect: {}", "spam", true},
	{"duplicate", "northwind", lab.RelayFault{Copies: 1}, "expect: {}", "delivered duplicate", true},
	{"lost", "woodgrove", lab.RelayFault{Drop: true}, "late_after: 1s, lost_after: 2s", "lost", false},
}

const expectOwn = "expect: { tenant_id: " + tripTenant + ", connecting_addresses: [127.0.0.1], origin: hybrid_on_prem }"

// TestRoundTrips sends messages from the daemon through a fake Exchange Online, which attributes and stamps them, and a
// real Postfix as the organization's server, back to the sink of the daemon. The daemon is killed between sending and
// receiving, and Postfix is down at first: its and the fake's queues keep the messages. None is sent twice.
func TestRoundTrips(t *testing.T) {
	w := smallWorld(t)
	sink, organization := freePort(t), freePort(t)
	exchange := w.startTripExchange(organization)
	file := w.tripConfig(exchange.Port(), sink, trips)
	d := w.serve(file)
	underWay := 1 // the duplicate
	for _, trip := range trips {
		if trip.handed {
			underWay++
		}
	}
	eventually(t, time.Minute, func() string {
		return unless(exchange.Queued() == underWay,
			fmt.Sprintf("%d messages are under way, want %d", exchange.Queued(), underWay))
	})
	d.kill()

	startOrganization(t, w.dir, organization, sink)
	time.Sleep(2 * time.Second) // longer than late_after of the trip that is late
	again := w.serve(file)
	eventually(t, time.Minute, func() string {
		m := again.metrics()
		for _, trip := range trips {
			if got := outcomes(m, trip.name); got != trip.outcomes {
				return fmt.Sprintf("%s: %q, want %q", trip.name, got, trip.outcomes)
			}
		}
		return ""
	})
	m := again.metrics()
	for _, trip := range trips {
		success, _ := m.value("round_trip_success", "round_trip", trip.name)
		if want := trip.outcomes == "delivered"; (success == 1) != want {
			t.Errorf("%s: round_trip_success is %v", trip.name, success)
		}
	}
	for name, id := range map[string]string{"good": tripTenant, "misrouted": otherTenant} {
		if _, found := m.value("round_trip_attribution_info", "round_trip", name, "attributed_tenant_id", id, "origin",
			"hybrid_on_prem"); !found {
			t.Errorf("%s is not attributed to %s: %v", name, id, m.find("round_trip_attribution_info"))
		}
	}
	if sent := len(exchange.Deliveries()); sent != underWay+1 { // with one notification
		t.Errorf("Exchange Online has delivered or returned %d messages, want %d", sent, underWay+1)
	}
}

// TestRequestedRoundTrip sends a message on demand: first no daemon runs and the command is the sink, then a daemon
// runs and sends it. Both share one limit, and no message is sent twice.
func TestRequestedRoundTrip(t *testing.T) {
	w := smallWorld(t)
	sink := freePort(t)
	exchange := w.startTripExchange(sink) // its outbound connector leads to the sink itself
	good := trips[0]
	good.keys += ", daily_limit: 2"
	file := w.tripConfig(exchange.Port(), sink, []tripCase{good})
	validate := func(wantCode int, want string) {
		t.Helper()
		code, output := w.command("validate", "--config.file="+file, "--round-trip=good")
		if code != wantCode || !strings.Contains(output, want) {
			t.Fatalf("exit status %d, want %d and %q in\n%s", code, wantCode, want, output)
		}
	}
	validate(0, "attributed it to tenant contoso ("+tripTenant+"), origin hybrid_on_prem")
	d := w.serve(file)
	eventually(t, time.Minute, func() string {
		return unless(strings.Contains(d.out.String(), "the sink of round trips listens"), "the sink does not listen")
	})
	validate(0, "Delivered  contoso › good")
	if got := outcomes(d.metrics(), "good"); got != "delivered" {
		t.Errorf("the daemon has counted %q, want the message that it was asked for", got)
	}
	if got, _ := d.metrics().value("exporter_sink_messages_total", "outcome", "accepted"); got != 1 {
		t.Errorf("the sink has counted %v messages, want 1", got)
	}
	validate(2, "the daily limit is used; the next message is due at 20")
	if sent := len(exchange.Deliveries()); sent != 2 {
		t.Errorf("Exchange Online has delivered %d messages, want 2", sent)
	}
}

// outcomes lists the outcomes of a round trip that were counted, each as often as it was.
func outcomes(m metrics, name string) string {
	var all []string
	for _, s := range m.find("round_trips_total", "round_trip", name) {
		for range int(s.value) {
			all = append(all, s.labels["outcome"])
		}
	}
	return strings.Join(all, " ")
}

// startTripExchange starts the fake Exchange Online with two tenants. The organization's server is behind the outbound
// connector of the first, and is the mail server of the domain for the second.
func (w *world) startTripExchange(organization int) *lab.FakeExchangeOnline {
	w.t.Helper()
	own := w.ca.issue(leaf{name: "frontdoor.contoso.test"})
	certificate, err := tls.LoadX509KeyPair(own.chain, own.key)
	if err != nil {
		w.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(w.t, w.ca.rootFile)))
	server := fmt.Sprintf("127.0.0.1:%d", organization)
	exchange, err := lab.StartFakeExchangeOnline(lab.FakeExchangeOnlineOptions{
		Certificate: certificate, ClientRoots: roots,
		Relay:   &lab.RelayOptions{Hosts: map[string]string{"probe.contoso.test": server}, Retry: time.Second / 2},
		Tenants: tripTenants(server),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(exchange.Close)
	for _, trip := range trips {
		exchange.InjectRelayFault(trip.certificate, trip.fault)
	}
	return exchange
}

// tripTenants returns a tenant for each certificate. Only the first has an outbound connector.
func tripTenants(server string) (all []lab.FakeTenant) {
	ids := map[string]string{"contoso": tripTenant, "fabrikam": otherTenant}
	known := map[string]bool{}
	for _, trip := range trips {
		name := trip.certificate
		if known[name] {
			continue
		}
		known[name] = true
		tenant := lab.FakeTenant{
			Name: name, ID: ids[name], Domains: []string{name + ".test"},
			Connectors: []lab.FakeConnector{{Name: "Hybrid", Certificate: "*." + name + ".test"}},
		}
		if len(all) == 0 {
			tenant.Domains = append(tenant.Domains, "probe.contoso.test")
			tenant.Outbound = []lab.FakeOutbound{
				{Name: "To on-premises", Domains: []string{"probe.contoso.test"}, SmartHost: server},
			}
		}
		all = append(all, tenant)
	}
	return all
}

// tripConfig writes the configuration: a sender and a round trip for each case.
func (w *world) tripConfig(exchange, sink int, trips []tripCase) string {
	w.t.Helper()
	var senders, roundTrips strings.Builder
	for _, trip := range trips {
		c := w.ca.issue(leaf{name: "mail." + trip.certificate + ".test", clientAuth: true})
		w.write(trip.name+".pem", read(w.t, c.chain)+read(w.t, c.key))
		fmt.Fprintf(&senders, `  - { name: %[1]s, connector: Hybrid, mail_from_domains: [contoso.test],
      target: frontdoor.contoso.test, certificate: { file: %[1]s.pem }, present_certificate: true,
      probe: { port: %[2]d, connect_to: [127.0.0.1] } }
`, trip.name, exchange)
		fmt.Fprintf(&roundTrips, "- { name: %[1]s, tenant: contoso, start: { sender: %[1]s }, "+
			"recipient: %[1]s@probe.contoso.test, %[2]s }\n", trip.name, trip.keys)
	}
	return w.write("trips.yaml", fmt.Sprintf(`global: { ca_file: %q, allow_networks: [127.0.0.0/8],
    exchange_online_hosts: [frontdoor.contoso.test], min_gap_per_address: 10ms, state_file: state }
probe: { hello_name: prober.contoso.test }
sink: { listen: ["127.0.0.1:%d"], hostname: sink.contoso.test, networks: [127.0.0.0/8] }
tenants:
- name: contoso
  accepted_domains: [{ domain_name: contoso.test }, { domain_name: probe.contoso.test }]
  inbound_connectors: [{ name: Hybrid, connector_type: OnPremises, require_tls: true,
      tls_sender_certificate_name: "*.contoso.test" }]
  senders:
%sround_trips:
%s`, w.ca.rootFile, sink, senders.String(), roundTrips.String()))
}

// startOrganization starts a Postfix that relays to the sink. It refuses one recipient, unless the message is a
// notification, so that what Exchange Online returns can arrive.
func startOrganization(t *testing.T, dir string, port, sink int) {
	t.Helper()
	startForwarder(t, dir, port, fmt.Sprintf(`relay_domains = probe.contoso.test
transport_maps = inline:{ {probe.contoso.test = smtp:[127.0.0.1]:%d} }
smtpd_restriction_classes = notifications
notifications = check_sender_access inline:{ {<> = permit} }, reject
smtpd_recipient_restrictions = check_recipient_access inline:{ {returned@probe.contoso.test = notifications} }
`, sink))
}

// startForwarder starts a Postfix with more lines in its main.cf. It retries every four seconds: one second on a busy
// machine is less than an attempt takes, and the queue manager puts off a message that is "still being delivered" for
// minutes.
func startForwarder(t *testing.T, dir string, port int, lines string) {
	t.Helper()
	at := filepath.Join(dir, "organization")
	for _, sub := range []string{"etc", "queue", "data"} {
		if err := os.MkdirAll(filepath.Join(at, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "chown", "postfix", filepath.Join(at, "data"))
	etc := filepath.Join(at, "etc")
	writeFile(t, filepath.Join(etc, "main.cf"), fmt.Sprintf(mainCF, at, "organization.test", mailUID)+"\n"+lines+`
smtpd_tls_security_level = none
smtp_connection_cache_on_demand = no
queue_run_delay = 4s
minimal_backoff_time = 4s
maximal_backoff_time = 4s
notify_classes =
`, 0o644)
	writeFile(t, filepath.Join(etc, "master.cf"), masterCF+fmt.Sprintf("smtp unix - - n - - smtp\n"+
		"relay unix - - n - - smtp\n127.0.0.1:%d inet n - n - - smtpd\n", port), 0o644)
	run(t, dir, "/usr/sbin/postfix", "-c", etc, "start")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("organization:\n%s", read(t, filepath.Join(at, "postfix.log")))
		}
		run(t, dir, "/usr/sbin/postfix", "-c", etc, "stop")
	})
	awaitListener(t, fmt.Sprintf("127.0.0.1:%d", port), nil)
}
