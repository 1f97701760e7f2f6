package text

import "m365_connector_exporter/probes"

// TLSARehearsal is how a new certificate compares with the TLSA records of a server whose name it has.
type TLSARehearsal struct {
	Host    string
	Owner   string       // name of its TLSA records
	DANE    *probes.DANE // nil: unknown
	Publish string       // the record of the new certificate, in the form of a zone file
}

// Breaks reports whether senders that use DANE would refuse the certificate.
func (r TLSARehearsal) Breaks() bool { return r.DANE != nil && r.DANE.Status == probes.DANEMismatch }

func (p *printer) tlsaRehearsals(all []TLSARehearsal) {
	for _, r := range all {
		if r.DANE == nil {
			continue
		}
		word := p.colored(colorGreen, "Works   ")
		if r.Breaks() {
			word = p.colored(colorRed, "BREAKS  ")
		}
		p.line(0, "")
		p.line(0, word+"DANE of "+Printable(r.Host))
		p.line(8, "- "+Printable(r.DANE.Sentence()))
		if r.Breaks() {
			p.line(8, "- publish this TLSA record too, and wait for the TTL, before the renewal: "+
				Printable(r.Owner)+". IN TLSA "+r.Publish)
		}
	}
}
