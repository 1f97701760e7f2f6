package check

import (
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// index finds what belongs together. Run makes it once; checks only read it.
type index struct {
	tenants []*tenant // in the order of Facts.Tenants
	named   map[string]*tenant
	paths   map[probes.PathID]*Path
	pathsOf map[Subject][]*Path // by connector
	judged  []*Path             // whose connector is not muted
}

// tenant is a tenant with its parts by name.
type tenant struct {
	*mailflow.Tenant
	domains  mailflow.DomainIndex
	outbound map[string]*mailflow.OutboundConnector
	inbound  map[string]*mailflow.InboundConnector
	senders  map[string][]*mailflow.Sender // by connector
}

func newIndex(f *Facts) *index {
	x := &index{
		named: make(map[string]*tenant, len(f.Tenants)), paths: make(map[probes.PathID]*Path, len(f.Paths)),
		pathsOf: make(map[Subject][]*Path, len(f.Paths)),
	}
	for i := range f.Tenants {
		t := newTenant(&f.Tenants[i])
		x.tenants = append(x.tenants, t)
		x.named[t.Name] = t
	}
	for i := range f.Paths {
		p := &f.Paths[i]
		connector := Subject(p.ID)
		connector.Path = ""
		x.paths[p.ID] = p
		x.pathsOf[connector] = append(x.pathsOf[connector], p)
		if t := x.named[p.ID.Tenant]; t == nil || !t.mutes(p.ID.Direction, p.ID.Connector) {
			x.judged = append(x.judged, p)
		}
	}
	return x
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

// mutes tells that a connector is turned off or in test mode: it has no finding but its own (contract, section 1).
func (t *tenant) mutes(d mailflow.Direction, connector string) bool {
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

// sender is a sender with what it belongs to.
type sender struct {
	*mailflow.Sender
	tenant    *tenant
	connector *mailflow.InboundConnector
	path      *Path // nil where none is planned
}

// presents is the certificate that the sender presents; nil where it is not known.
func (s sender) presents() *mailflow.Presented {
	if s.Presented != nil {
		return s.Presented
	}
	if s.path == nil || s.path.Client == nil || len(s.path.Client.Chain) == 0 {
		return nil
	}
	leaf := s.path.Client.Chain[0]
	return &mailflow.Presented{CommonName: leaf.CommonName, DNSNames: leaf.DNSNames, Fingerprint: leaf.Fingerprint}
}

// sender of an inbound path; ok is false for other paths and for one that no configuration knows.
func (f *Facts) sender(p *Path) (s sender, ok bool) {
	t := f.known.named[p.ID.Tenant]
	if t == nil || p.ID.Direction != mailflow.Inbound {
		return sender{}, false
	}
	for _, one := range t.senders[p.ID.Connector] {
		if one.Name == p.ID.Path {
			c := t.inbound[one.Connector]
			return sender{one, t, c, p}, c != nil
		}
	}
	return sender{}, false
}
