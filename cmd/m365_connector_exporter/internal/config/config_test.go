package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/mailflow"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMistakes has a line for each mistake: the text, and the error without the name of the file.
func TestMistakes(t *testing.T) {
	const connector = "tenants:\n- name: a\n  outbound_connectors:\n  - name: c\n    "
	type test struct{ text, want string }
	tests := []test{
		{"", "the file is empty"},
		{"a: [", "1: did not find expected node content"},
		{"tenant: []", "1: tenant: unknown key; did you mean \"tenants\"?"},
		{"probe: {}\n---\nprobe: {}", "a second document; only one is allowed"},
		{"probe: {port: 0}", `1: probe.port: "0": must be a number from 1 to 65535`},
		{"probe: {interval: soon}", `1: probe.interval: "soon": must be a duration such as 30s, 5m or 90d`},
		{"probe: {interval: 5s, timeout: 5s}", "1: probe.timeout: must be below interval"},
		{
			"probe: {until: recipent}",
			`1: probe.until: "recipent": must be one of resolve, connect, ehlo, tls, recipient, message; ` +
				`did you mean recipient?`,
		},
		{"probe: {negative_controls: daily}", `1: probe.negative_controls: "daily": must be true or false`},
		{
			"modules: {open: {negative_controls: true}}",
			"1: modules.open.negative_controls: must not be in a module: /probe never runs negative controls",
		},
		{"probe: {message_min_interval: 1m}", `1: probe.message_min_interval: "1m": must be at least 5m`},
		{
			"probe: {mail_from: \"a b@c\"}",
			`1: probe.mail_from: "a b@c": must be a plain mail address such as probe@contoso.com`,
		},
		{
			"probe: {mail_from: jörg@contoso.com}",
			`1: probe.mail_from: "jörg@contoso.com": must be a plain mail address such as probe@contoso.com`,
		},
		{
			"probe: {mail_from: a@b..c}",
			`1: probe.mail_from: "a@b..c": must be a plain mail address such as probe@contoso.com`,
		},
		{"probe: {mail_from: a@}", `1: probe.mail_from: "a@": must be a plain mail address such as probe@contoso.com`},
		{
			"probe: {hello_name: höst..example}",
			`1: probe.hello_name: "höst..example": must be a host name such as mail.contoso.com`,
		},
		{"probe: {hello_name: \"a\\r\\nDATA\"}", "1: probe.hello_name: control characters are not allowed"},
		{"probe: {connect_to: [x]}", `1: probe.connect_to[0]: "x": must be an IP address such as 192.0.2.25`},
		{
			"global: {allow_networks: [10.0.0.0/40]}",
			`1: global.allow_networks[0]: "10.0.0.0/40": must be an IP address or a network such as 192.0.2.0/24`,
		},
		{"global: {ca_file: none.pem}", "none.pem: no such file or directory"},
		{"tenants:\n- {}", "2: tenants[0].name: a tenant needs a name"},
		{"tenants:\n- {name: a}\n- {name: a}", `3: tenants[1].name: duplicate tenant "a"`},
		{
			"tenants:\n- {name: a}\n- {name: b, cloud: x}",
			`3: tenants[1].cloud: "x": must be one of worldwide, gcc_high, dod, china`,
		},
		{
			connector + "tls_settings: Some",
			`5: tenants[0].outbound_connectors[0].tls_settings: "Some": must be one of EncryptionOnly, ` +
				`CertificateValidation, DomainValidation`,
		},
		{connector + "enabled: maybe", `5: tenants[0].outbound_connectors[0].enabled: "maybe": must be true or false`},
		{
			connector + "smart_hosts: [a b]",
			`5: tenants[0].outbound_connectors[0].smart_hosts[0]: "a b": must be a host such as mail.contoso.com, or an IP ` +
				`address`,
		},
		{
			connector + "smart_hosts: ['[192.0.2.1']",
			`5: tenants[0].outbound_connectors[0].smart_hosts[0]: "[192.0.2.1": must be a host such as mail.contoso.com, or ` +
				`an IP address`,
		},
		{
			connector + "smart_hosts: ['2001:db8::1]']",
			`5: tenants[0].outbound_connectors[0].smart_hosts[0]: "2001:db8::1]": must be a host such as mail.contoso.com, ` +
				`or an IP address`,
		},
		{
			connector + "recipient_domains: [a.*.b]",
			`5: tenants[0].outbound_connectors[0].recipient_domains[0]: "a.*.b": must be a domain such as contoso.com or ` +
				`*.contoso.com`,
		},
		{
			connector + "validation_recipients: [nobody]",
			`5: tenants[0].outbound_connectors[0].validation_recipients[0]: "nobody": must be a plain mail address such as ` +
				`probe@contoso.com`,
		},
	}
	const sender = "tenants:\n- name: a\n  inbound_connectors: [{name: in, connector_type: OnPremises}]\n  senders:\n" +
		"  - name: s\n    "
	const suppression = "suppressions: [{check: tls_opportunistic, reason: r, owner: o, "
	tests = append(tests, []test{
		{"# nothing", "the file is empty"},
		{
			"zzzzzzzz: 1",
			"1: zzzzzzzz: unknown key; known here: checks, exchange_online, firewall, global, modules, probe, round_trips, " +
				"sink, suppressions, tenant_files, tenant_folders, tenants, thresholds",
		},
		{"probe: {}\nprobe: {}", "2: probe: duplicate key: line 1 has it too"},
		{
			"probe: {dns_servers: [localhost]}",
			`1: probe.dns_servers[0]: "localhost": must be host:port such as 192.0.2.53:53`,
		},
		{
			"probe: {dnssec: {validating_resolvers: [192.0.2.53]}}",
			`1: probe.dnssec.validating_resolvers[0]: "192.0.2.53": must be host:port such as 192.0.2.53:53`,
		},
		{
			"probe: {dnssec: {validating_resolver: []}}",
			`1: probe.dnssec.validating_resolver: unknown key; did you mean "validating_resolvers"?`,
		},
		{
			"probe: {dnssec: true}",
			`1: probe.dnssec: "true": must be a mapping with keys such as validating_resolvers`,
		},
		{
			"firewall: allow.txt",
			`1: firewall: "allow.txt": must be a mapping with keys such as ca_file, endpoints, file`,
		},
		{"sink: {listen: ':2525'}", `1: sink.listen: ":2525": must be a list: [a, b], or "- " before each item`},
		{
			"firewall: {file: config_test.go, endpoints: 'https://u:secret@endpoints.office.com/x'}",
			"firewall.endpoints: must be a URL without a user, such as https://endpoints.office.com/endpoints/worldwide",
		},
		{"round_trips: {name: hybrid}", `1: round_trips: a mapping: must be a list: [a, b], or "- " before each item`},
		{"probe: {ip_protocol: ip5}", `1: probe.ip_protocol: "ip5": must be one of any, ip4, ip6; did you mean ip4?`},
		{
			"probe: {interval: 0s}\ntenants: [{name: a, outbound_connectors: [{name: c}]}]",
			`1: probe.interval: "0s": must be at least 1s`,
		},
		{
			"probe: {timeout: 1h}\ntenants: [{name: a, outbound_connectors: [{name: c}]}]",
			"1: probe.timeout: must be below interval: 1h0m0s is not below 5m0s",
		},
		{
			"thresholds: {certificate_warning_ratio: 2}",
			`1: thresholds.certificate_warning_ratio: "2": must be a ratio from 0 to 1`,
		},
		{
			"thresholds: {certificate_critical_days: 60}",
			"1: thresholds.certificate_critical_days: must not be above certificate_warning_days",
		},
		{"checks: {tls_version_olde: off}", `1: checks.tls_version_olde: unknown key; did you mean "tls_version_old"?`},
		{"checks: {tls_version_old: loud}", `1: checks.tls_version_old: "loud": must be one of off, info, warning, critical`},
		{suppression + "expires: tomorrow}]", `1: suppressions[0].expires: "tomorrow": must be a day such as 2027-03-31`},
		{suppression + "direction: inbound}]", "1: suppressions[0].expires: a suppression needs it, such as 2027-03-31"},
		{
			"suppressions: [{check: tls_opportunist, reason: r, owner: o, expires: 2027-03-31}]",
			`1: suppressions[0].check: unknown check "tls_opportunist"; did you mean "tls_opportunistic"?`,
		},
		{
			sender + "connector: im",
			`6: tenants[0].senders[0].connector: no inbound connector "im" in this tenant; did you mean "in"?`,
		},
		{
			sender + "connector: in\n    relays: some",
			`7: tenants[0].senders[0].relays: "some": must be one of external, internal`,
		},
		{
			sender + "connector: in\n    certificate: {file: a, smtp: 'b:25'}",
			"7: tenants[0].senders[0].certificate: must have only one of file, pkcs12 and smtp, such as " +
				"{ file: certs/edge-1.pem }",
		},
		{
			sender + "connector: in\n    certificate: {password_file: a}",
			"7: tenants[0].senders[0].certificate.password_file: can only be used with pkcs12",
		},
		{
			sender + "connector: in\n    present_certificate: true",
			"5: tenants[0].senders[0].present_certificate: needs a certificate with its key: certificate.file or " +
				"certificate.pkcs12",
		},
		{
			sender + "connector: in\n    recipient: \"a@b\\r\\nDATA\"",
			"7: tenants[0].senders[0].recipient: control characters are not allowed",
		},
		{
			"tenants: [{name: a, inbound_connectors: [{name: c}, {name: c}]}]",
			`1: tenants[0].inbound_connectors[1].name: duplicate connector "c"`,
		},
		{
			"tenants: [{name: a, outbound_connectors: [{name: c}, {name: c}]}]",
			`1: tenants[0].outbound_connectors[1].name: duplicate connector "c"`,
		},
		{
			"tenants: [{name: a, inbound_connectors: [{name: c, sender_ip_addresses: [mail]}]}]",
			`1: tenants[0].inbound_connectors[0].sender_ip_addresses[0]: "mail": must be an IP address or a network such as ` +
				`192.0.2.0/24`,
		},
	}...)
	for _, tt := range tests {
		_, err := config.Load(t.Context(), write(t, "c.yaml", tt.text))
		if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%q: error\n%v\nwant one that ends in\n%s", tt.text, err, tt.want)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := config.Load(t.Context(), write(t, "c.yaml", "global: {x: 1}\nprobe: {port: no}\ntenants: 5\n"))
	if err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("%v; want three lines", err)
	}
}

// TestEmptySectionsLoad: so do aliases and a comment of several lines.
func TestEmptySectionsLoad(t *testing.T) {
	cfg, err := config.Load(t.Context(), write(t, "c.yaml", `global:
probe:
thresholds:
checks:
modules:
suppressions:
tenant_files:
tenants:
- name: &n a
  probe: &p { interval: 1m }
  checks:
  accepted_domains:
  inbound_connectors: [{ name: *n, comment: "one\ntwo", probe: *p }]
  senders: [{ name: *n, connector: *n, certificate: }]
`))
	if err != nil || len(cfg.Warnings) > 0 || len(cfg.Problems()) > 0 {
		t.Fatal(err, cfg)
	}
	if c := cfg.Tenants[0].Inbound[0]; c.Name != "a" || c.Comment != "one two" {
		t.Errorf("%+v", c)
	}
}

// TestInternationalNames: what becomes part of an SMTP command is ASCII, so that no probe fails because of it.
func TestInternationalNames(t *testing.T) {
	cfg, err := config.Load(t.Context(), write(t, "c.yaml",
		`probe: { hello_name: Höst.example, mail_from: Probe@BÜCHER.example. }
tenants:
- name: a
  outbound_connectors: [{ name: c, validation_recipients: [a+b@bücher.example, c@Contoso.com] }]
  inbound_connectors: [{ name: i }]
  senders: [{ name: s, connector: i, recipient: x@bücher.example }]
`))
	if err != nil {
		t.Fatal(err)
	}
	tenant := cfg.Tenants[0]
	layer := cfg.Layers("a", mailflow.Outbound, "c", "")[0]
	got := append(tenant.Outbound[0].ValidationRecipients, tenant.Senders[0].Recipient, *layer.HelloName, *layer.MailFrom)
	want := []string{
		"a+b@xn--bcher-kva.example", "c@contoso.com", "x@xn--bcher-kva.example", "xn--hst-sna.example",
		"Probe@xn--bcher-kva.example",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestValidatingResolversOfASection(t *testing.T) {
	for text, want := range map[string][]string{
		`{ validating_resolvers: ["192.0.2.53:53", "[2001:db8::53]:53"] }`: {"192.0.2.53:53", "[2001:db8::53]:53"},
		"{ validating_resolvers: [] }":                                     {},
		"{ }":                                                              nil,
		"":                                                                 nil,
	} {
		cfg, err := config.Load(t.Context(), write(t, "c.yaml", "probe: { dnssec: "+text+" }\ntenants: [{ name: a }]\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := cfg.Layers("a", mailflow.Outbound, "c", "")[0].ValidatingResolvers
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// TestExpires: the end of the day, in whatever form it is written.
func TestExpires(t *testing.T) {
	want := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	for _, text := range []string{
		"2027-03-31", `"2027-03-31"`, "2027-03-31T00:00:00Z", "2027-03-31T23:59:59+02:00", "2027-03-31 00:00:00",
	} {
		cfg, err := config.Load(t.Context(), write(t, "c.yaml",
			"suppressions: [{check: tls_opportunistic, reason: r, owner: o, expires: "+text+"}]\n"))
		if err != nil || !cfg.Suppressions[0].Expires.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", text, cfg, err, want)
		}
	}
}
