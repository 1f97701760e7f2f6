//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// sharingTenants is the number of tenants whose connectors deliver to one gateway.
const sharingTenants = 20

// TestSharedGateway stops and repairs a gateway that 20 tenants share, while Prometheus and Alertmanager run with the
// repository's rules and example configuration. It wants one page and one resolve, although the exporter's pod is
// replaced during the outage, and no series of the old pod or of the outage afterwards. An hour later is tested in
// kept_test.yml. One more tenant has a server of its own, which keeps working.
func TestSharedGateway(t *testing.T) {
	w := newHostWorld(t, "") // for its servers, its resolver and its certificate
	gateway := w.paths[0]
	config := fmt.Sprintf("global: { ca_file: %q, allow_networks: [127.0.0.0/8], min_gap_per_address: 10ms, "+
		"max_concurrent_per_address: 8 }\nprobe: { interval: 2s, timeout: 1s, dns_servers: [%q] }\ntenants:\n",
		w.ca.rootFile, w.dns)
	connector := "- name: tenant%d\n  accepted_domains: [{ domain_name: tenant%[1]d.test, default: true }]\n" +
		"  outbound_connectors: [{ name: To gateway, connector_type: OnPremises, use_mx_record: false, smart_hosts: [%q], " +
		"tls_settings: CertificateValidation, probe: { port: %d } }]\n"
	for i := range sharingTenants {
		config += fmt.Sprintf(connector, i, gateway.hop, gateway.port)
	}
	config += fmt.Sprintf(connector, sharingTenants, w.paths[1].hop, w.paths[1].port)
	file := w.write("shared.yaml", config)
	pod := w.serve(file)
	inbox := openInbox(t)
	p := startPrometheus(t, w.dir, pod.url[len("http://"):], startAlertmanager(t, w.dir, inbox.url))
	p.scrape(pod.url[len("http://"):], map[string]string{"instance": "exporter", "pod": "a"})
	eventually(t, limit, func() string {
		n, err := p.query(`m365_connector_probe_success{pod="a"} == 1`)
		if err != nil {
			return err.Error()
		}
		if firing := p.firing(); n != sharingTenants+1 || len(firing) > 0 {
			return fmt.Sprintf("%d of %d paths pass, alerts %q", n, sharingTenants+1, firing)
		}
		return ""
	})

	w.mails[0].Close()
	awaitOne := func(status string) alert {
		t.Helper()
		eventually(t, limit, func() string {
			if len(inbox.received(status)) == 0 {
				return "nothing is " + status + "; alerts in Prometheus: " + strings.Join(p.firing(), ", ")
			}
			return ""
		})
		time.Sleep(4 * time.Second) // several group intervals
		got := inbox.received(status)
		if len(got) != 1 || got[0].Labels["alertname"] != "M365ConnectorHostDown" {
			t.Fatalf("%s: %+v, want one alert for the host", status, got)
		}
		return got[0]
	}
	page := awaitOne("firing")
	for _, want := range []string{
		gateway.hop, "[127.0.6.1]", "tenants: stage connect, reason connect_refused",
	} {
		if !strings.Contains(page.Annotations["description"], want) {
			t.Errorf("no %q in %q", want, page.Annotations["description"])
		}
	}
	if page.Receiver != "pager" {
		t.Errorf("the page went to %s", page.Receiver)
	}
	if active := p.firing(); !slices.Contains(active, "M365ConnectorDown tenant0/To gateway") {
		t.Errorf("Prometheus has %q, want the connectors' own alerts, which Alertmanager inhibits", active)
	}

	pod.stop()
	p.scrape(w.serve(file).url[len("http://"):], map[string]string{"instance": "exporter", "pod": "b"})
	eventually(t, limit, func() string {
		if n, err := p.query(`m365_connector_probe_success{pod="b"} == 0`); n != sharingTenants {
			return fmt.Sprintf("the new pod has found %d of %d paths failing (%v)", n, sharingTenants, err)
		}
		return ""
	})
	awaitOne("firing")
	if got := inbox.received("resolved"); len(got) != 0 {
		t.Errorf("the new pod resolved %+v during the outage", got)
	}

	mail, err := lab.StartMail(lab.MailOptions{
		Addr: fmt.Sprintf("127.0.6.1:%d", gateway.port), Certificate: w.certificate,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mail.Close)
	awaitOne("resolved")
	if got := inbox.received("firing"); len(got) != 1 {
		t.Errorf("after the repair: %+v, want one page in all", got)
	}
	const remembered = `{__name__=~"(path|endpoint):m365_connector_(probe|endpoint)_success:kept"} or ALERTS`
	eventually(t, limit, func() string {
		if n, err := p.query(remembered); n != 0 || err != nil {
			return fmt.Sprintf("%d series of the outage are left (%v), alerts %q", n, err, p.firing())
		}
		return ""
	})
}
