package smtpprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dane"
	"m365_connector_exporter/probes/dnsclient"
)

// insecureDANE is shared by most endpoints. It must not be changed.
var insecureDANE = &probes.DANE{Status: probes.DANEInsecure}

// recordDANE compares the certificates that the servers of a round presented with the TLSA records of their hosts.
// TLSA records are looked up only for hosts whose MX and address records are signed (RFC 7672, section 2.2.2), and only
// if a session reached the handshake.
func (p *Prober) recordDANE(
	ctx context.Context, path *probes.Path, sessions []session, security map[string]dnsclient.Security,
) {
	records := p.lookUpTLSA(ctx, path, sessions, security, false)
	var again []session // a certificate and its TLSA records change together: the cached ones may be outdated
	for i := range sessions {
		s := &sessions[i]
		s.compareTLSA(security[s.endpoint.Host], records[s.endpoint.Host])
		if d := s.endpoint.DANE; d != nil && d.Status == probes.DANEMismatch && records[s.endpoint.Host].Cached {
			again = append(again, sessions[i])
		}
	}
	records = p.lookUpTLSA(ctx, path, again, security, true)
	for i := range again {
		again[i].compareTLSA(dnsclient.Secure, records[again[i].endpoint.Host])
	}
}

// RehearseTLSA compares a chain, leaf first, with TLSA records as if the mail servers of a path presented it. It
// returns one endpoint for each host of the path that the leaf is valid for. It does not connect to these hosts, and
// queries DNS only if the path's settings name a resolver that validates DNSSEC.
func (p *Prober) RehearseTLSA(ctx context.Context, path *probes.Path, chain []*x509.Certificate) []probes.Endpoint {
	options := lookUpOptions(path)
	if len(chain) == 0 || !options.MayValidate() ||
		path.Kind == probes.NextHopSmartHost && chain[0].VerifyHostname(path.NextHop) != nil {
		return nil
	}
	resolved, security, _ := p.resolve(ctx, path)
	var endpoints []probes.Endpoint
	for _, e := range resolved {
		known := slices.ContainsFunc(endpoints, func(other probes.Endpoint) bool { return other.Host == e.Host })
		if known || chain[0].VerifyHostname(e.Host) != nil {
			continue
		}
		e.Steps[probes.TLSStage].Outcome, e.TLS = probes.Passed, &probes.TLS{Version: tls.VersionName(tls.VersionTLS13)}
		endpoints = append(endpoints, e)
	}
	sessions := make([]session, len(endpoints))
	for i := range endpoints {
		sessions[i] = session{prober: p, path: path, endpoint: &endpoints[i], chain: chain}
	}
	p.recordDANE(ctx, path, sessions, security)
	return endpoints
}

// lookUpTLSA looks up the TLSA records of the sessions' hosts, each once. With fresh set it ignores cached records.
func (p *Prober) lookUpTLSA(
	ctx context.Context, path *probes.Path, sessions []session, security map[string]dnsclient.Security, fresh bool,
) map[string]*dnsclient.TLSA {
	found := map[string]*dnsclient.TLSA{}
	var wg sync.WaitGroup
	for i := range sessions {
		s := &sessions[i]
		host := s.endpoint.Host
		if security[host] != dnsclient.Secure || !s.reachedTLS() || found[host] != nil {
			continue
		}
		result := &dnsclient.TLSA{}
		found[host] = result
		wg.Go(func() { *result = p.dns.TLSA(ctx, host, path.Settings.Port, lookUpOptions(path), fresh) })
	}
	wg.Wait()
	return found
}

// reachedTLS reports whether the tls stage passed or failed, so that it is known what the server presents.
func (s *session) reachedTLS() bool {
	outcome := s.endpoint.Steps[probes.TLSStage].Outcome
	return outcome == probes.Passed || outcome == probes.Failed
}

// compareTLSA records the DANE status of the endpoint. found is nil if the TLSA records were not looked up.
func (s *session) compareTLSA(security dnsclient.Security, found *dnsclient.TLSA) {
	e := s.endpoint
	switch {
	case security == dnsclient.Insecure:
		e.DANE = insecureDANE
	case security == dnsclient.Bogus:
		e.DANE = &probes.DANE{Status: probes.DANEBogus, Detail: e.Steps[probes.Resolve].Detail}
	case found == nil:
	case found.Security == dnsclient.Bogus:
		e.DANE = &probes.DANE{Status: probes.DANEBogus, Detail: "TLSA: " + found.Failure}
	case found.Failure != "" || found.Security == dnsclient.Unknown:
		e.DANE = &probes.DANE{Detail: "TLSA: " + found.Failure}
	case found.Security == dnsclient.Insecure: // an alias into a zone that is not signed
		e.DANE = insecureDANE
	default:
		s.verifyTLSA(found)
	}
}

// verifyTLSA compares the chain that the server presented with the records.
func (s *session) verifyTLSA(found *dnsclient.TLSA) {
	e := s.endpoint
	result := dane.Verify(found.Records, s.chain, []string{s.peerName(), s.path.NextHop}, s.prober.opts.Now())
	d := &probes.DANE{
		Status: result.Status, TLS: e.TLS != nil && e.TLS.Version != "", Total: found.Total,
		Expired: result.Expired, Pinned: result.Pinned, Detail: probes.Sanitise(result.Detail, probes.MaxDetail),
	}
	if found.Total > len(found.Records) && d.Status != probes.DANEMatch {
		d.Status, d.Detail = probes.DANEUnknown, fmt.Sprintf("%d of %d records compared", len(found.Records), found.Total)
	}
	if d.Status == probes.DANEMatch {
		d.Matched = result.Matched.String()
	}
	for _, r := range found.Records[:min(len(found.Records), probes.MaxTLSARecords)] {
		d.Records = append(d.Records, r.String())
	}
	e.DANE = d
}
