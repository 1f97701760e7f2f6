package lab

// fabrikam has the failures of certificates.
func (w *World) fabrikam() error {
	w.beginTenant("fabrikam")
	for _, c := range []struct {
		connector, host string
		from, until     int // validity, in days from now
		change          func(*Leaf)
		reason          string // "" passes
	}{
		{"Healthy certificate", "good", -10, 80, nil, ""},
		{"Expires in five days", "expiring", -85, 5, nil, ""},
		{"Expired certificate", "expired", -90, -1, nil, "certificate_expired"},
		{"Not yet valid", "early", 2, 90, nil, "certificate_not_yet_valid"},
		{"Wrong name", "wrong", -10, 80, withOtherName, "certificate_name_mismatch"},
		{"Missing intermediate", "chain", -10, 80, withoutIntermediate, "certificate_chain_incomplete"},
		{"Self-signed", "self", -10, 80, selfSigned, "certificate_untrusted"},
	} {
		host := c.host + ".fabrikam.example"
		cert, err := w.leaf(c.from, c.until, c.change, host)
		if err != nil {
			return err
		}
		server, err := w.mail(MailOptions{Certificate: cert})
		if err != nil {
			return err
		}
		p := outboundPath{
			connector: c.connector, host: host, port: server.Port(), tlsSettings: "DomainValidation", outcome: "passed",
		}
		if c.reason != "" {
			p.outcome, p.stage, p.reason = "failed", "tls", c.reason
		}
		w.add(p)
	}
	return nil
}

func withOtherName(l *Leaf)       { l.Names = []string{"other.example"} }
func withoutIntermediate(l *Leaf) { l.OmitIntermediate = true }
func selfSigned(l *Leaf)          { l.SelfSigned = true }
