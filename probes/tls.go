package probes

import (
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// TLS is what a handshake showed. It is recorded whatever the verdicts are.
type TLS struct {
	Version               string         // "TLS 1.3"
	Cipher                string         // IANA name
	OldVersion            bool           // below TLS 1.2
	Chain                 []*Certificate // as sent, leaf first, at most MaxChain
	Unparsable            string         // why Go could not read a certificate; the chain may then be empty
	CertificateRequested  bool           // the server asked for a client certificate
	ClientCertificateSent bool           // and got one
	// ChainNotBefore and ChainNotAfter bound the certificates above the leaf: those of the verifying chain that lasts
	// longest (without its root), or the sent ones that sign another sent one. Zero where there is none.
	ChainNotBefore, ChainNotAfter time.Time
	Verdicts                      [NumVerdicts]Judgement
	// MicrosoftRoot says whether Exchange Online's chain ends at DigiCert Global Root G2 (MC1224565); of inbound paths alone.
	MicrosoftRoot Judgement
}

// MaxChain bounds how many certificates of a sent chain are kept.
const MaxChain = 10

// Certificate is a certificate as facts, so that a judgement's test is a literal. Strings are sanitised and bounded.
type Certificate struct {
	Subject, Issuer        string // CN, else O
	CommonName             string
	DNSNames               []string // at most 100
	Serial                 string   // lower-case hex
	Fingerprint            string   // SHA-256 of the DER, lower-case hex
	NotBefore, NotAfter    time.Time
	KeyAlgorithm           string // RSA, ECDSA, Ed25519
	KeyBits                int
	SignatureAlgorithm     string
	IsCA, SelfSigned       bool
	ClientAuth, ServerAuth bool // extended key usages; both true where the extension is absent
}

// Names are CN and SAN, without repetition.
func (c *Certificate) Names() []string {
	return (&mailflow.ClientCertificate{CommonName: c.CommonName, DNSNames: c.DNSNames}).Names()
}

// Verdict is one question asked of a certificate.
type Verdict uint8

// The verdicts. The last two are asked of client certificates only.
const (
	VerdictTime Verdict = iota
	VerdictTrust
	VerdictChain
	VerdictName
	VerdictKey
	VerdictSignature
	VerdictRevocation
	VerdictAcceptedDomain
	VerdictClientAuth
	NumVerdicts
)

// VerdictNames are the label values, by Verdict.
var VerdictNames = [NumVerdicts]string{"time", "trust", "chain", "name", "key", "signature", "revocation", "accepted_domain", "client_auth"}

// String is the verdict's label value.
func (v Verdict) String() string {
	if v < NumVerdicts {
		return VerdictNames[v]
	}
	return ""
}

// Judgement is a verdict's answer with its evidence. The zero value is "not judged".
type Judgement struct {
	Outcome   Outcome // Passed, Failed or NotReached (cannot be judged)
	Reason    Reason  // when Failed; none for key and signature, which fail no stage
	Detail    string  // the names, dates or keys compared, or why it could not be judged
	Uncertain string  // why it rests on something Microsoft has not documented
}

// Evaluated reports whether there is something to say: an answer, or why there is none.
func (j Judgement) Evaluated() bool { return j.Outcome != NotReached || j.Detail != "" }
