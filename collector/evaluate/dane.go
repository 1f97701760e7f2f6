package evaluate

import (
	"fmt"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dane"
	"m365_connector_exporter/probes/mailflow"
)

const expiredDANE = "Exchange Online has a code for expired certificates (5.7.322), and Microsoft does not document " +
	"whether it applies to records of usage 3, for which RFC 7672 ignores the dates"

// predictDANE is the predictor of DANE. Without a validating resolver nothing is known, unless the mode is None.
func predictDANE(_ *Snapshot, p *check.Path, c *mailflow.OutboundConnector) (check.Prediction, bool) {
	mode, known := dane.ParseMode(c.SMTPDANEMode)
	if !known || !p.Scheduled() {
		return check.Prediction{}, false
	}
	servers, endpoints, undecided := daneServers(p)
	predicted := dane.Predict(mode, servers)
	if predicted.Outcome == "" || predicted.Outcome == dane.Queue && undecided {
		return check.Prediction{}, false
	}
	prediction := check.Prediction{
		Path: p.ID, Mechanism: check.MechanismDANE, Delivery: check.Delivery(predicted.Outcome), Code: predicted.Code,
		Reason: string(predicted.Reason), Evidence: daneEvidence(mode, endpoints),
	}
	switch {
	case p.Kind == probes.NextHopSmartHost && predicted.Reason != dane.ReasonOff:
		prediction.Uncertain = check.UncertainDANE
	case predicted.Reason == dane.ReasonMatch && onlyExpired(endpoints):
		prediction.Uncertain = expiredDANE
	}
	return prediction, true
}

// daneServers returns the servers of a path whose comparison with TLSA records is known. It is undecided if another
// server may accept the mail: one of which nothing is known, or one of more than are probed.
func daneServers(p *check.Path) (servers []dane.Server, known []*check.Endpoint, undecided bool) {
	undecided = len(p.Endpoints) >= probes.MaxEndpoints
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		switch d := e.DANE; {
		case bogusBefore(p, e):
		case d == nil || d.Status == probes.DANEUnknown:
			undecided = undecided || e.Verdict != probes.Failed
		default:
			servers = append(servers, dane.Server{Status: d.Status, TLS: d.TLS, Expired: expiredLeaf(e)})
			known = append(known, e)
		}
	}
	return servers, known, undecided
}

// bogusBefore reports whether DNS is bogus on the way to an endpoint that was known before: for the MX records, or for
// the addresses of its host.
func bogusBefore(p *check.Path, e *check.Endpoint) bool {
	for i := range p.Endpoints {
		other := &p.Endpoints[i]
		if other != e && other.DANE != nil && other.DANE.Status == probes.DANEBogus && other.Address == "" &&
			(other.Host == p.NextHop || other.Host == e.Host) {
			return true
		}
	}
	return false
}

func expiredLeaf(e *check.Endpoint) bool {
	return e.TLS != nil && e.TLS.Verdicts[probes.VerdictTime].Reason == probes.ReasonCertificateExpired
}

// onlyExpired reports whether every server that matches shows an expired certificate.
func onlyExpired(endpoints []*check.Endpoint) bool {
	for _, e := range endpoints {
		if e.DANE.Status == probes.DANEMatch && !e.DANE.Expired {
			return false
		}
	}
	return true
}

// maxDANEEvidence is how many endpoints the evidence of a prediction lists.
const maxDANEEvidence = 6

func daneEvidence(mode dane.Mode, endpoints []*check.Endpoint) []string {
	lines := []string{"SmtpDaneMode is " + string(mode)}
	for i, e := range endpoints {
		if i == maxDANEEvidence {
			return append(lines, fmt.Sprintf("and %d more servers", len(endpoints)-i))
		}
		lines = append(lines, e.Name()+": "+e.DANE.Sentence())
	}
	return lines
}
