package tlsrpt

// counted is a number of sessions of a report that ended in the same way.
type counted struct {
	policy   *Policy
	host     string // the MX that the sender names; "" if it names none
	result   Result
	sessions int64
}

// eachCount visits the sessions of a report. Failures without details count as ValidationFailure. If the details have
// more failed sessions than the summary, the details count.
func (r *Report) eachCount(visit func(counted)) {
	for i := range r.Policies {
		p := &r.Policies[i]
		rest := p.Failed
		for _, d := range p.Details {
			rest -= d.Sessions
			if d.Sessions > 0 {
				visit(counted{p, d.ReceivingMXHost, d.Result, d.Sessions})
			}
		}
		if rest > 0 {
			visit(counted{p, "", ValidationFailure, rest})
		}
		if p.Succeeded > 0 {
			visit(counted{p, "", Success, p.Succeeded})
		}
	}
}

// Key is the key of [Report.Sessions].
type Key struct {
	Domain string
	Result Result
}

// Sessions returns the number of sessions by domain and result.
func (r *Report) Sessions() map[Key]int64 {
	sessions := make(map[Key]int64)
	r.eachCount(func(c counted) { sessions[Key{c.policy.Domain, c.result}] += c.sessions })
	return sessions
}
