package check

import (
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// index connects the facts with each other. Run builds it once; checks only read it.
type index struct {
	tenants []*tenant // in the order of Facts.Tenants
	named   map[string]*tenant
	paths   map[probes.PathID]*Path
	pathsOf map[Subject][]*Path // by connector

	judgedPaths  []*Path               // of connectors that are enabled and not in test mode
	senders      []sender              // of connectors that are enabled
	senderOf     map[*Path]int         // in senders, of the paths that have one
	certificates []observedCertificate // of judgedPaths
	held         []*Prediction         // of judged paths, those whose mail is held
	policies     map[string][]*Policy  // by tenant

	codesByCmdlet map[mailflow.Cmdlet][]string // of the checks that need its records
}

// tenant is a tenant and its parts by name.
type tenant struct {
	*mailflow.Tenant
	domains  mailflow.DomainIndex
	outbound map[string]*mailflow.OutboundConnector
	inbound  map[string]*mailflow.InboundConnector
	senders  map[string][]*mailflow.Sender // by connector

	// host, or first label of a name that Exchange Online gives an MX → accepted domain with that MX
	exchangeMX map[string]string
	// accepted domains with their MX, if that is known to be in Exchange Online; without the initial domains
	atExchange []string
}

func newIndex(f *Facts) *index {
	x := &index{
		named: make(map[string]*tenant, len(f.Tenants)), paths: make(map[probes.PathID]*Path, len(f.Paths)),
		pathsOf: make(map[Subject][]*Path, len(f.Paths)), codesByCmdlet: codesByCmdlet(),
	}
	for i := range f.Tenants {
		t := newTenant(&f.Tenants[i])
		t.indexMX(f)
		x.tenants = append(x.tenants, t)
		x.named[t.Name] = t
	}
	for i := range f.Paths {
		p := &f.Paths[i]
		connector := Subject(p.ID)
		connector.Path = ""
		x.paths[p.ID] = p
		x.pathsOf[connector] = append(x.pathsOf[connector], p)
		if t := x.named[p.ID.Tenant]; t == nil || !t.skips(p.ID.Direction, p.ID.Connector) {
			x.judgedPaths = append(x.judgedPaths, p)
		}
	}
	x.findSenders(f)
	x.addPolicies(f)
	return x
}

// addPolicies indexes predictions and MTA-STS policies.
func (x *index) addPolicies(f *Facts) {
	for i := range f.Predictions {
		p := &f.Predictions[i]
		t := x.named[p.Path.Tenant]
		judged := x.paths[p.Path] != nil && (t == nil || !t.skips(p.Path.Direction, p.Path.Connector))
		if p.Delivery == DeliveryQueue && judged {
			x.held = append(x.held, p)
		}
	}
	x.policies = map[string][]*Policy{}
	for i := range f.Policies {
		p := &f.Policies[i]
		x.policies[p.Tenant] = append(x.policies[p.Tenant], p)
	}
}

func (x *index) findSenders(f *Facts) {
	x.senderOf = make(map[*Path]int, len(f.Paths))
	x.senders, x.certificates = make([]sender, 0, len(f.Paths)), make([]observedCertificate, 0, 2*len(f.Paths))
	for _, t := range x.tenants {
		for i := range t.Senders {
			one := &t.Senders[i]
			c := t.inbound[one.Connector]
			if c == nil || !c.IsEnabled() {
				continue
			}
			s := sender{Sender: one, tenant: t, connector: c}
			s.path, s.attributions = x.paths[s.id()], f.Attributions[s.id()]
			if s.path != nil {
				x.senderOf[s.path] = len(x.senders)
			}
			x.senders = append(x.senders, s)
		}
	}
	for _, p := range x.judgedPaths {
		var s *sender
		if i, ok := x.senderOf[p]; ok {
			s = &x.senders[i]
		}
		x.certificates = appendObserved(x.certificates, f, p, s)
	}
}

func newTenant(of *mailflow.Tenant) *tenant {
	t := &tenant{
		Tenant: of, domains: mailflow.NewDomainIndex(of.AcceptedDomains),
		outbound: make(map[string]*mailflow.OutboundConnector, len(of.Outbound)),
		inbound:  make(map[string]*mailflow.InboundConnector, len(of.Inbound)),
		senders:  make(map[string][]*mailflow.Sender, len(of.Senders)),
	}
	for i := range of.Outbound {
		t.outbound[of.Outbound[i].Name] = &of.Outbound[i]
	}
	for i := range of.Inbound {
		t.inbound[of.Inbound[i].Name] = &of.Inbound[i]
	}
	for i := range of.Senders {
		t.senders[of.Senders[i].Connector] = append(t.senders[of.Senders[i].Connector], &of.Senders[i])
	}
	return t
}

// indexMX records which accepted domains have their MX in Exchange Online.
func (t *tenant) indexMX(f *Facts) {
	t.exchangeMX = make(map[string]string, len(t.AcceptedDomains))
	add := func(key, domain string) {
		if _, known := t.exchangeMX[key]; !known {
			t.exchangeMX[key] = domain
		}
	}
	for _, status := range t.Organization.DNSSEC {
		if status.MX != "" { // Exchange Online names it itself
			add(plainHost(status.MX), status.Domain)
		}
	}
	for _, d := range t.AcceptedDomains {
		add(mailflow.ExchangeOnlineMXLabel(d.Name), d.Name)
		for _, mx := range f.MX[d.Name] {
			if mailflow.IsExchangeOnline(mx, f.ExchangeHosts) {
				add(plainHost(mx), d.Name)
			}
		}
		if host, ok := f.exchangeOnlineMX(d.Name); ok && !mailflow.IsInitialDomain(d.Name) {
			t.atExchange = append(t.atExchange, d.Name+" ("+host+")")
		}
	}
}

// skips reports whether a connector is disabled or in test mode: it has no finding but its own.
func (t *tenant) skips(d mailflow.Direction, connector string) bool {
	if d == mailflow.Inbound {
		c, ok := t.inbound[connector]
		return ok && !c.IsEnabled()
	}
	c, ok := t.outbound[connector]
	return ok && !judgedOutbound(c)
}

func judgedOutbound(c *mailflow.OutboundConnector) bool {
	return c.IsEnabled() && c.TestMode != mailflow.Yes
}

// sender is a sender and what it belongs to.
type sender struct {
	*mailflow.Sender
	tenant       *tenant
	connector    *mailflow.InboundConnector
	path         *Path // nil if none is planned
	attributions []mailflow.Attribution
}

func (s sender) id() probes.PathID {
	return probes.PathID{Tenant: s.tenant.Name, Direction: mailflow.Inbound, Connector: s.connector.Name, Path: s.Name}
}

// clientCertificate returns the certificate that the sender presents; nil if it is unknown.
func (s sender) clientCertificate() *mailflow.ClientCertificate {
	if s.ClientCertificate != nil {
		return s.ClientCertificate
	}
	if s.path == nil || s.path.Client == nil || len(s.path.Client.Chain) == 0 {
		return nil
	}
	return s.path.Client.Chain[0].ClientCertificate()
}
