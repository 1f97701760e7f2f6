package probes

import (
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// TLS is what a handshake revealed, and the verdicts on it. It is recorded whether or not the stage passed.
type TLS struct {
	Version               string         // "TLS 1.3"
	Cipher                string         // IANA name
	OldVersion            bool           // below TLS 1.2
	Chain                 []*Certificate // as sent, leaf first, at most MaxChain; the verdicts are on all that was sent
	Unparsable            string         // why Go could not parse a certificate; the chain may then be empty
	CertificateRequested  bool           // the server requested a client certificate
	ClientCertificateSent bool           // the prober sent one

	// ChainNotBefore and ChainNotAfter are the common validity of the certificates above the leaf: those of the verified
	// chain that is valid longest, without its root, or, if none was verified, those sent that have signed another one.
	// They are zero if there are none.
	ChainNotBefore, ChainNotAfter time.Time
	Verdicts                      [NumVerdicts]Judgement
	// MicrosoftRoot is whether Exchange Online's chain ends at DigiCert Global Root G2 (MC1224565); inbound paths only.
	MicrosoftRoot Judgement
	// Stores is whether the chain verifies with each store of trusted roots other than that of VerdictTrust. Results
	// share it: it must not be changed.
	Stores []StoreVerdict
}

// The names of the stores that are always used, as label values. StoreSystem is in [TLS.Stores] only if other roots
// replace the system's.
const (
	StoreSystem       = "system"
	StoreConfigured   = "ca_file" // replaces the system's; not in TLS.Stores
	StoreMozilla      = "mozilla"
	StoreGlobalRootG2 = "digicert_global_root_g2"
)

// MaxNamedStores bounds the additional stores in a configuration. StoreSystem counts as one.
const MaxNamedStores = 2

// StoreVerdict is whether a chain, as it was sent, verifies with the roots of a store at a time when the leaf is valid.
type StoreVerdict struct {
	Store   string  // name of the store, a label value
	Outcome Outcome // Passed, Failed or, if it could not be evaluated, NotReached
}

// MaxChain bounds the certificates of a chain that are recorded.
const MaxChain = 10

// Certificate is the part of a certificate that checks need. It is plain data, so that tests can write it as a literal.
// Strings are sanitised and bounded.
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

// ClientCertificate returns the certificate in the form that attribution needs. Its validity is unknown.
func (c *Certificate) ClientCertificate() *mailflow.ClientCertificate {
	client := mailflow.NewClientCertificate(c.CommonName, c.DNSNames, c.Fingerprint)
	client.OmittedNames = c.OmittedNames
	return client
}

// Verdict is one question about a certificate. [TLS.Verdicts] has the answer to each.
type Verdict uint8

// The verdicts. The last two apply to client certificates only.
const (
	VerdictTime           Verdict = iota // the leaf is valid now
	VerdictTrust                         // the chain ends at a trusted root
	VerdictChain                         // the server sends the complete chain
	VerdictName                          // a name matches TlsDomain, or the host
	VerdictKey                           // the key is strong enough
	VerdictSignature                     // the signature algorithm is strong enough
	VerdictRevocation                    // no certificate of the chain is revoked
	VerdictAcceptedDomain                // its names are accepted domains of the tenant
	VerdictClientAuth                    // it may be used as a client certificate
	NumVerdicts                          // the number of verdicts
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

// Judgement is the answer to the question of a verdict, with its evidence. The zero value is "not evaluated".
type Judgement struct {
	Outcome Outcome // Passed, Failed or, if it could not be evaluated, NotReached
	// Reason is why it failed, "" for key and signature, which fail no stage. It is prober_limit if a limit was reached.
	Reason    Reason
	Detail    string // the names, dates or keys that were compared, or why it could not be evaluated
	Uncertain string // the undocumented Microsoft behaviour that it depends on; "" if there is none
}

// IssuerOutdated reports whether the dates of a certificate above the leaf are the only reason why the chain is not
// trusted. The detail of VerdictTrust names it; VerdictTime is about the leaf.
func (t *TLS) IssuerOutdated() bool {
	reason := t.Verdicts[VerdictTrust].Reason
	return reason == ReasonCertificateExpired || reason == ReasonCertificateNotYetValid
}

// Evaluated reports whether the question was considered: there is an answer, or an explanation why there is none.
func (j Judgement) Evaluated() bool { return j.Outcome != NotReached || j.Detail != "" }

// AllStores returns the verdict on the roots that are trusted, then those on the other stores.
func (t *TLS) AllStores() []StoreVerdict {
	if len(t.Stores) == 0 {
		return nil
	}
	trusted := StoreVerdict{Store: StoreSystem, Outcome: t.Verdicts[VerdictTrust].Outcome}
	if t.Stores[0].Store == StoreSystem {
		trusted.Store = StoreConfigured
	}
	if t.Verdicts[VerdictChain].Outcome == Failed { // trust is not evaluated then
		trusted.Outcome = Failed
	}
	return append([]StoreVerdict{trusted}, t.Stores...)
}
