package probes

import (
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// TLS is what a handshake showed, and the verdicts on it. It is recorded whether or not the stage passed.
type TLS struct {
	Version               string         // "TLS 1.3"
	Cipher                string         // IANA name
	OldVersion            bool           // below TLS 1.2
	Chain                 []*Certificate // as sent, leaf first, at most MaxChain; the verdicts rest on all that was sent
	Unparsable            string         // why Go could not parse a certificate; the chain may then be empty
	CertificateRequested  bool           // the server asked for a client certificate
	ClientCertificateSent bool           // the prober sent one

	// ChainNotBefore and ChainNotAfter are the common validity of the certificates above the leaf: of the verified
	// chain that is valid longest, without its root, or of the sent ones that sign another sent one. Zero if there are
	// none.
	ChainNotBefore, ChainNotAfter time.Time
	Verdicts                      [NumVerdicts]Judgement
	// MicrosoftRoot is whether Exchange Online's chain ends at DigiCert Global Root G2 (MC1224565); inbound paths only.
	MicrosoftRoot Judgement
	// Stores has, for each store of trusted roots but the one that VerdictTrust is about, whether the chain verifies with
	// it. Results share it: do not change it.
	Stores []StoreVerdict
}

// The names of the stores that are always judged, as label values. StoreSystem is one of [TLS.Stores] only where other
// roots replace the system's.
const (
	StoreSystem       = "system"
	StoreConfigured   = "ca_file" // replaces the system's; not in TLS.Stores
	StoreMozilla      = "mozilla"
	StoreGlobalRootG2 = "digicert_global_root_g2"
)

// MaxNamedStores is how many more stores a configuration may name. StoreSystem counts as one.
const MaxNamedStores = 2

// StoreVerdict is whether a chain, as it was sent, verifies with the roots of a store, on dates within the leaf's
// validity.
type StoreVerdict struct {
	Store   string  // its name, a label value
	Outcome Outcome // Passed, Failed or, if it cannot be judged, NotReached
}

// MaxChain is how many certificates of a sent chain are recorded.
const MaxChain = 10

// Certificate is what the checks need to know about a certificate. It is plain data, so that tests can write it as a
// literal. Strings are sanitised and bounded.
type Certificate struct {
	Subject, Issuer        string // the common name, else the organisation
	CommonName             string
	DNSNames               []string // of the SAN
	OmittedNames           int      // names of the SAN that are not in DNSNames, because there are very many
	Serial                 string   // lower-case hex
	Fingerprint            string   // SHA-256 of the DER, lower-case hex
	NotBefore, NotAfter    time.Time
	KeyAlgorithm           string // RSA, ECDSA, Ed25519
	KeyBits                int
	SignatureAlgorithm     string
	IsCA, SelfSigned       bool
	ClientAuth, ServerAuth bool // extended key usages; both true if the extension is absent
}

// Names returns the common name and the subject alternative names, without duplicates.
func (c *Certificate) Names() []string {
	return (&mailflow.ClientCertificate{CommonName: c.CommonName, DNSNames: c.DNSNames}).Names()
}

// ClientCertificate returns the certificate as attribution reads it. Its validity is unknown.
func (c *Certificate) ClientCertificate() *mailflow.ClientCertificate {
	client := mailflow.NewClientCertificate(c.CommonName, c.DNSNames, c.Fingerprint)
	client.OmittedNames = c.OmittedNames
	return client
}

// Verdict is one question about a certificate. [TLS.Verdicts] holds the answer to each.
type Verdict uint8

// The verdicts. The last two apply to client certificates only.
const (
	VerdictTime           Verdict = iota // within its validity
	VerdictTrust                         // chains to a trusted root
	VerdictChain                         // the server sends the complete chain
	VerdictName                          // matches TlsDomain, or the host
	VerdictKey                           // the key is strong enough
	VerdictSignature                     // the signature algorithm is strong enough
	VerdictRevocation                    // not revoked
	VerdictAcceptedDomain                // its names are accepted domains of the tenant
	VerdictClientAuth                    // may be used as a client certificate
	NumVerdicts                          // how many there are
)

// VerdictNames are the label values, by Verdict.
var VerdictNames = [NumVerdicts]string{
	"time", "trust", "chain", "name", "key", "signature", "revocation", "accepted_domain", "client_auth",
}

// String returns the verdict's label value, "" for a verdict that does not exist.
func (v Verdict) String() string {
	if v < NumVerdicts {
		return VerdictNames[v]
	}
	return ""
}

// Judgement is the answer to a verdict's question, with its evidence. The zero value is "not judged".
type Judgement struct {
	Outcome   Outcome // Passed, Failed or, if it cannot be judged, NotReached
	Reason    Reason  // if Failed, "" for key and signature, which fail no stage; prober_limit if a limit was reached
	Detail    string  // the names, dates or keys that were compared, or why it cannot be judged
	Uncertain string  // the undocumented Microsoft behaviour that it depends on; "" if there is none
}

// IssuerOutdated reports whether the dates of a certificate above the leaf, which the detail names, are all that keeps
// the chain from being trusted: the answer on time is about the leaf.
func (t *TLS) IssuerOutdated() bool {
	reason := t.Verdicts[VerdictTrust].Reason
	return reason == ReasonCertificateExpired || reason == ReasonCertificateNotYetValid
}

// Evaluated reports whether the question was considered: there is an answer, or a reason why there is none.
func (j Judgement) Evaluated() bool { return j.Outcome != NotReached || j.Detail != "" }

// AllStores returns whether the chain, as it was sent, verifies with the roots that decide, and with those of each
// other store.
func (t *TLS) AllStores() []StoreVerdict {
	if len(t.Stores) == 0 {
		return nil
	}
	deciding := StoreVerdict{Store: StoreSystem, Outcome: t.Verdicts[VerdictTrust].Outcome}
	if t.Stores[0].Store == StoreSystem {
		deciding.Store = StoreConfigured
	}
	if t.Verdicts[VerdictChain].Outcome == Failed { // trust is not judged then
		deciding.Outcome = Failed
	}
	return append([]StoreVerdict{deciding}, t.Stores...)
}
