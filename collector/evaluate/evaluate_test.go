package evaluate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"testing"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/mailflow"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

var edge = probes.PathID{Tenant: "contoso", Direction: mailflow.Inbound, Connector: "From", Path: "edge"}

// contoso is a tenant with a smart host, an inbound connector that requires a certificate, and one sender.
func contoso(sender mailflow.Sender) mailflow.Tenant {
	sender.Name, sender.Connector, sender.MailFromDomains = "edge", "From", []string{"contoso.com"}
	return mailflow.Tenant{
		Name:            "contoso",
		AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com", Type: "Authoritative"}},
		Inbound: []mailflow.InboundConnector{{
			Common:                   mailflow.Common{Name: "From", Enabled: mailflow.Yes, Type: mailflow.OnPremises},
			TLSSenderCertificateName: "*.contoso.com",
		}},
		Senders: []mailflow.Sender{sender},
	}
}

// paths are the sender's path, and one to a smart host of the tenant that showed these certificates.
func paths(shown ...*probes.TLS) []check.Path {
	smartHost := check.Path{Path: &probes.Path{
		ID: probes.PathID{
			Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To",
			Path: "mail.contoso.com",
		},
		ConnectorType: mailflow.OnPremises,
	}}
	for _, t := range shown {
		smartHost.Endpoints = append(smartHost.Endpoints, check.Endpoint{TLS: t})
	}
	return []check.Path{{Path: &probes.Path{ID: edge, ConnectorType: mailflow.OnPremises}}, smartHost}
}

// showing is a valid certificate that a server showed.
func showing(name string) *probes.TLS {
	t := &probes.TLS{Chain: []*probes.Certificate{{
		CommonName: name, DNSNames: []string{name}, Fingerprint: name, NotBefore: noon.AddDate(0, -1, 0),
		NotAfter: noon.AddDate(0, 6, 0),
	}}}
	for v := range probes.VerdictAcceptedDomain {
		t.Verdicts[v].Outcome = probes.Passed
	}
	return t
}

// selfSigned is a certificate for a name, in DER, and a pool in which it is a root.
func selfSigned(t *testing.T, name string, until time.Time) (chain [][]byte, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: noon.AddDate(0, -1, 0), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	return [][]byte{der}, roots
}

func TestCertificateOfASender(t *testing.T) {
	file, roots := selfSigned(t, "file.contoso.com", noon.AddDate(0, 6, 0))
	smtp := mailflow.Sender{Certificate: mailflow.CertificateSource{SMTP: "edge.contoso.com:25"}}
	for name, c := range map[string]struct {
		sender mailflow.Sender
		file   [][]byte
		smtp   *probes.TLS
		shown  []*probes.TLS

		presents string
		source   string
		names    probes.Outcome // of the required name and of the accepted domain
		basis    mailflow.AttributionBasis
	}{
		"the file wins": {
			sender: smtp, file: file, smtp: showing("smtp.contoso.com"),
			presents: "file.contoso.com", source: "edge.contoso.com:25", names: probes.Passed, basis: mailflow.BasisCertificate,
		},
		"as its server shows it": {
			sender: smtp, smtp: showing("smtp.contoso.com"), shown: []*probes.TLS{showing("mail.contoso.com")},
			presents: "smtp.contoso.com", source: "edge.contoso.com:25", names: probes.Passed, basis: mailflow.BasisCertificate,
		},
		"its server has not answered": {
			sender: smtp, shown: []*probes.TLS{showing("mail.contoso.com")}, basis: mailflow.BasisNone,
		},
		"assumed, nothing shown yet": {
			sender: mailflow.Sender{Assumed: true}, basis: mailflow.BasisNone,
		},
		"assumed, the matching one of two": {
			sender: mailflow.Sender{Assumed: true}, shown: []*probes.TLS{showing("other.example"), showing("mail.contoso.com")},
			presents: "mail.contoso.com", source: "the tenant's smart host", names: probes.Passed,
			basis: mailflow.BasisCertificate,
		},
		"assumed, another than required": {
			sender: mailflow.Sender{Assumed: true}, shown: []*probes.TLS{showing("other.example")},
			presents: "other.example", source: "the tenant's smart host", names: probes.Failed, basis: mailflow.BasisNone,
		},
	} {
		inventory := &evaluate.Inventory{Tenants: []mailflow.Tenant{contoso(c.sender)}, Roots: roots}
		if c.file != nil {
			inventory.Certificates = map[probes.PathID][][]byte{edge: c.file}
		}
		snapshot := &evaluate.Snapshot{Paths: paths(c.shown...), SMTPCertificates: map[probes.PathID]*probes.TLS{}}
		if c.smtp != nil {
			snapshot.SMTPCertificates[edge] = c.smtp
		}
		r := evaluate.Evaluate(inventory, snapshot, noon)
		var presents, source string
		var names, domain probes.Outcome
		if client := r.Clients[edge]; client != nil {
			presents, source = client.Chain[0].CommonName, r.Tenants[0].Senders[0].ClientCertificate.Source
			names, domain = client.Verdicts[probes.VerdictName].Outcome, client.Verdicts[probes.VerdictAcceptedDomain].Outcome
		}
		if presents != c.presents || source != c.source || names != c.names || domain != c.names {
			t.Errorf("%s: presents %q of %q, name %v, accepted domain %v", name, presents, source, names, domain)
		}
		if got := r.Attributions[edge]; c.presents != "" && (len(got) == 0 || got[0].Basis != c.basis) {
			t.Errorf("%s: attributions %+v, want basis %q", name, got, c.basis)
		}
		if inventory.Tenants[0].Senders[0].ClientCertificate != nil || snapshot.Paths[0].Client != nil {
			t.Errorf("%s: an argument was changed", name)
		}
	}
}

// A service for signatures shows one certificate and presents another.
func TestCertificateOfAServiceIsNotAssumed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*mailflow.Tenant)
		want   bool
	}{
		"own server": {func(*mailflow.Tenant) {}, true},
		"used by a mail flow rule": {func(t *mailflow.Tenant) {
			t.Outbound = []mailflow.OutboundConnector{{
				Common: mailflow.Common{Name: "To", Type: mailflow.OnPremises}, IsTransportRuleScoped: mailflow.Yes,
			}}
		}, false},
		"required by another connector": {func(t *mailflow.Tenant) {
			t.Inbound = append(t.Inbound, mailflow.InboundConnector{
				Common: mailflow.Common{Name: "Hybrid", Type: mailflow.OnPremises}, TLSSenderCertificateName: "mail.example.net",
			})
		}, false},
	} {
		tenant := contoso(mailflow.Sender{Assumed: true})
		c.change(&tenant)
		inventory := &evaluate.Inventory{Tenants: []mailflow.Tenant{tenant}}
		r := evaluate.Evaluate(inventory, &evaluate.Snapshot{Paths: paths(showing("mail.example.net"))}, noon)
		if got := r.Clients[edge] != nil; got != c.want {
			t.Errorf("%s: assumed %v, want %v", name, got, c.want)
		}
	}
}

func TestFindingsKeepTheirDates(t *testing.T) {
	tenant := contoso(mailflow.Sender{})
	tenant.Inbound[0].Enabled = mailflow.No // a finding
	inventory := &evaluate.Inventory{Tenants: []mailflow.Tenant{tenant}}
	first := evaluate.Evaluate(inventory, &evaluate.Snapshot{NoNetwork: true}, noon)
	later := evaluate.Evaluate(inventory, &evaluate.Snapshot{NoNetwork: true, Previous: first}, noon.Add(time.Hour))
	if len(first.Findings) == 0 || len(first.Findings) != len(later.Findings) {
		t.Fatalf("%d findings, then %d", len(first.Findings), len(later.Findings))
	}
	for _, f := range later.Findings {
		if !f.Since.Equal(noon) {
			t.Errorf("%s: since %s, want %s", f.Code, f.Since, noon)
		}
	}
}

// TestPreviousReportChangesNothingButDates evaluates with and without a previous report, after each kind of change.
func TestPreviousReportChangesNothingButDates(t *testing.T) {
	expiry := noon.Add(time.Hour)
	file, roots := selfSigned(t, "file.contoso.com", expiry)
	inventory := func(chain [][]byte) *evaluate.Inventory {
		return &evaluate.Inventory{
			Tenants: []mailflow.Tenant{contoso(mailflow.Sender{})}, Roots: roots,
			Certificates: map[probes.PathID][][]byte{edge: chain},
		}
	}
	with := inventory(file)
	for name, c := range map[string]struct {
		inventory *evaluate.Inventory
		at        time.Time
		valid     mailflow.Tri
	}{
		"nothing":                      {with, noon.Add(time.Minute), mailflow.Yes},
		"the certificate has expired":  {with, expiry.Add(time.Minute), mailflow.No},
		"the clock was set back":       {with, noon.AddDate(0, -2, 0), mailflow.No},
		"a reload with another chain":  {inventory(nil), noon.Add(time.Minute), mailflow.Unknown},
		"a reload with the same chain": {inventory(file), noon.Add(time.Minute), mailflow.Yes},
	} {
		previous := evaluate.Evaluate(with, &evaluate.Snapshot{NoNetwork: true}, noon)
		incremental := evaluate.Evaluate(c.inventory, &evaluate.Snapshot{NoNetwork: true, Previous: previous}, c.at)
		fresh := evaluate.Evaluate(c.inventory, &evaluate.Snapshot{NoNetwork: true}, c.at)
		if got, want := describe(incremental), describe(fresh); !slices.Equal(got, want) {
			t.Errorf("%s: %q with a previous report, %q without", name, got, want)
		}
		var valid mailflow.Tri
		if p := incremental.Tenants[0].Senders[0].ClientCertificate; p != nil {
			valid = p.Valid
		}
		if valid != c.valid {
			t.Errorf("%s: the certificate's validity is %v, want %v", name, valid, c.valid)
		}
	}
}

// describe lists what is in a report, without dates.
func describe(r *evaluate.Report) (all []string) {
	for _, f := range r.Findings {
		all = append(all, f.Code+" "+f.Severity.String())
	}
	for _, a := range r.Attributions[edge] {
		all = append(all, a.Message.MailFrom+" "+string(a.Basis))
	}
	return all
}

func TestSnapshotReachesTheChecks(t *testing.T) {
	tenant := contoso(mailflow.Sender{})
	find := func(snapshot *evaluate.Snapshot, inventory *evaluate.Inventory, code string) bool {
		return slices.ContainsFunc(evaluate.Evaluate(inventory, snapshot, noon).Findings,
			func(f check.Finding) bool { return f.Code == code })
	}
	inventory := &evaluate.Inventory{
		Tenants:      []mailflow.Tenant{tenant},
		TrustedRoots: map[probes.PathID]*x509.CertPool{edge: x509.NewCertPool()},
	}
	if !find(&evaluate.Snapshot{Paths: paths(), VantageBlocked: true}, inventory, "vantage_blocked") {
		t.Error("no finding vantage_blocked")
	}
	if find(&evaluate.Snapshot{Paths: paths()}, inventory, "vantage_blocked") {
		t.Error("a finding vantage_blocked")
	}
	if !find(&evaluate.Snapshot{Paths: paths()}, inventory, "sender_roots_incomplete") {
		t.Error("no finding sender_roots_incomplete")
	}
	inventory.Severity = func(string, string) (check.Severity, bool) { return check.Off, true }
	if find(&evaluate.Snapshot{Paths: paths()}, inventory, "sender_roots_incomplete") {
		t.Error("a finding of a check that is off")
	}
}

func TestClientCertificateProblems(t *testing.T) {
	chain, roots := selfSigned(t, "mail.contoso.com", noon)
	c, problems, err := evaluate.ClientCertificate(chain, roots, "mail.pem", noon.Add(time.Hour))
	if err != nil || c.Valid != mailflow.No || c.Source != "mail.pem" || len(problems) != 1 {
		t.Errorf("an expired certificate: %+v, problems %q, error %v", c, problems, err)
	}
	if _, _, err := evaluate.ClientCertificate([][]byte{{1}}, roots, "", noon); err == nil {
		t.Error("no error for what is not a certificate")
	}
}

// A certificate is judged by the configured thresholds; where none is demanded, it is at most a warning.
func TestExpiry(t *testing.T) {
	report := evaluate.Evaluate(&evaluate.Inventory{Thresholds: check.Thresholds{
		WarningRatio: 0.25, WarningDays: 30, CriticalRatio: 0.10, CriticalDays: 7,
	}}, &evaluate.Snapshot{}, noon)
	shown := func(days int) *probes.TLS {
		c := showing("mail.contoso.com")
		c.Chain[0].NotBefore, c.Chain[0].NotAfter = noon.AddDate(0, 0, days-400), noon.AddDate(0, 0, days)
		return c
	}
	for _, c := range []struct {
		days     int
		demanded bool
		want     check.Severity
	}{
		{60, true, check.Off},
		{20, true, check.Warning},
		{5, true, check.Critical},
		{-1, true, check.Critical},
		{20, false, check.Warning},
		{-1, false, check.Warning},
	} {
		if got := report.Expiry(shown(c.days), c.demanded, noon); got != c.want {
			t.Errorf("%d days left, demanded %t: %v, want %v", c.days, c.demanded, got, c.want)
		}
	}
	var empty evaluate.Report // before the first evaluation
	if got := empty.Expiry(shown(60), true, noon); got != check.Off {
		t.Errorf("without an evaluation: %v", got)
	}
}

// Hosts of the configuration count besides Microsoft's.
func TestExchangeOnlineHosts(t *testing.T) {
	configured := evaluate.Evaluate(&evaluate.Inventory{ExchangeOnlineHosts: []string{"*.lab.test"}},
		&evaluate.Snapshot{}, noon)
	for host, want := range map[string][2]bool{ // by a report, and by an empty one
		"contoso-com.mail.protection.outlook.com": {true, true},
		"mx.lab.test":      {true, false},
		"mail.contoso.com": {false, false},
	} {
		var empty evaluate.Report
		if got := [2]bool{configured.IsExchangeOnline(host), empty.IsExchangeOnline(host)}; got != want {
			t.Errorf("%s: %t, want %t", host, got, want)
		}
	}
}

// A tenant that is read from Exchange Online has the age of its newest read, not that of its records.
func TestReadTimesMakeAnInventoryNewer(t *testing.T) {
	tenant := contoso(mailflow.Sender{})
	tenant.InventoryTime = noon.AddDate(0, 0, -30)
	inventory := &evaluate.Inventory{
		Tenants: []mailflow.Tenant{tenant}, Thresholds: check.Thresholds{InventoryMaxAge: 8 * 24 * time.Hour},
	}
	for at, want := range map[time.Time]bool{{}: true, noon.AddDate(0, 0, -20): true, noon.Add(-time.Hour): false} {
		snapshot := &evaluate.Snapshot{ReadTimes: map[string]time.Time{"contoso": at}}
		findings := evaluate.Evaluate(inventory, snapshot, noon).Findings
		stale := slices.ContainsFunc(findings, func(f check.Finding) bool { return f.Code == "inventory_stale" })
		if stale != want {
			t.Errorf("read at %v: inventory_stale %t", at, stale)
		}
	}
}

// TestSendersAreJudgedByTrustStores: with the file's own root as the store of a partner, and again after the verdicts
// have aged.
func TestSendersAreJudgedByTrustStores(t *testing.T) {
	file, roots := selfSigned(t, "file.contoso.com", noon.AddDate(0, 6, 0))
	inventory := &evaluate.Inventory{
		Tenants: []mailflow.Tenant{contoso(mailflow.Sender{})}, Roots: x509.NewCertPool(),
		Certificates: map[probes.PathID][][]byte{edge: file},
		TrustStores:  []certificate.Store{{Name: "partner", Roots: roots}, {Name: "other", Roots: x509.NewCertPool()}},
	}
	want := []probes.StoreVerdict{{Store: "partner", Outcome: probes.Passed}, {Store: "other", Outcome: probes.Failed}}
	snapshot := &evaluate.Snapshot{Paths: paths()}
	for hours := range 3 {
		snapshot.Previous = evaluate.Evaluate(inventory, snapshot, noon.Add(time.Duration(hours)*time.Hour))
		client := snapshot.Previous.Clients[edge]
		if client == nil || !slices.Equal(client.Stores, want) {
			t.Fatalf("%+v", client)
		}
		if client.Verdicts[probes.VerdictTrust].Outcome != probes.Failed {
			t.Error("a trust store decides")
		}
	}
}
