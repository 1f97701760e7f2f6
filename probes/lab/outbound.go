package lab

import (
	"fmt"
	"net"
	"strings"
)

// outboundPath is an outbound connector of the current tenant with its next hop, and what a watcher must find.
type outboundPath struct {
	connector     string
	host          string // smart host, or the domain if mx is set
	port          int
	tlsSettings   string // tls_settings
	recipient     string
	extra         string // more YAML lines of the connector
	probe         string // more keys of its probe
	mx            bool
	withoutRecord bool   // the host gets no DNS record
	outcome       string // "" if it is not probed
	stage, reason string
}

// add adds a path to the configuration, the zone and the expectations.
func (w *World) add(p outboundPath) {
	if !p.withoutRecord && net.ParseIP(p.host) == nil && !p.mx {
		w.record(p.host, "A", "127.0.0.1")
	}
	y := &w.yaml
	fmt.Fprintf(y, "      - name: %s\n        connector_type: OnPremises\n", p.connector)
	if p.mx {
		fmt.Fprintf(y, "        use_mx_record: true\n        recipient_domains: [%s]\n", p.host)
	} else {
		domain := p.host // a different one for each connector: two connectors for one domain would be a finding
		if _, at, ok := strings.Cut(p.recipient, "@"); ok {
			domain = at
		}
		fmt.Fprintf(y, "        use_mx_record: false\n        smart_hosts: [%s]\n", p.host)
		fmt.Fprintf(y, "        recipient_domains: [%s]\n", domain)
	}
	if p.tlsSettings != "" {
		fmt.Fprintf(y, "        tls_settings: %s\n", p.tlsSettings)
	}
	if p.tlsSettings == "DomainValidation" {
		fmt.Fprintf(y, "        tls_domain: %s\n", p.host)
	}
	if p.recipient != "" {
		fmt.Fprintf(y, "        validation_recipients: [%s]\n", p.recipient)
	}
	y.WriteString(p.extra)
	fmt.Fprintf(y, "        probe: { port: %d%s }\n", p.port, p.probe)
	w.paths = append(w.paths, p)
	w.expect = append(w.expect, Expectation{w.tenant, p.connector, p.host, p.outcome, p.stage, p.reason})
}
