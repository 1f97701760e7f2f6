//go:build e2e

package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"

	"m365_connector_exporter/probes"
)

// leafOf returns the template of a certificate for names.
func leafOf(names ...string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: now.AddDate(0, 0, -1),
		NotAfter: now.AddDate(0, 0, 90),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// present signs a leaf and returns its chain: the leaf, its signer unless that is the root, and the certificates above.
// Without a signer the leaf is self-signed.
func (w *faultWorld) present(template *x509.Certificate, by *signer, above ...*signer) tls.Certificate {
	w.t.Helper()
	s := w.ca.sign(template, by)
	chain := [][]byte{s.cert.Raw}
	if by != nil && by != w.ca.root {
		chain = append(chain, by.cert.Raw)
	}
	for _, c := range above {
		chain = append(chain, c.cert.Raw)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: s.key}
}

// certificateFaults are faults of the certificate chain, some of which Exchange Online tolerates.
func (w *faultWorld) certificateFaults() []fault {
	now := time.Now()
	bad := func(name, does string, reason probes.Reason, certificate tls.Certificate) fault {
		return fault{
			name: name, does: does, stage: probes.TLSStage, reason: reason, tls: "DomainValidation",
			server: healthyScript(serverTLS(certificate)),
		}
	}
	leaf := func(name string, change func(*x509.Certificate)) *x509.Certificate {
		c := leafOf(name + "." + faultZone)
		if change != nil {
			change(c)
		}
		return c
	}
	middle := func(change func(*x509.Certificate)) *signer {
		c := caTemplate("Odd Intermediate")
		change(c)
		return w.ca.sign(c, w.ca.root)
	}
	unknownRoot := w.ca.sign(caTemplate("Unknown Root"), nil)
	unknownMiddle := w.ca.sign(caTemplate("Unknown Intermediate"), unknownRoot)
	double := w.ca.sign(caTemplate("E2E Intermediate"), unknownRoot) // the healthy one's name, another key
	expired := middle(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = now.AddDate(-1, 0, 0),
			now.AddDate(0, 0, -1)
	})
	noCA := middle(func(c *x509.Certificate) { c.IsCA = false })
	elsewhere := middle(func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"elsewhere.test"}
	})
	alone := w.present(leaf("cert-no-chain", nil), w.ca.middle)
	alone.Certificate = alone.Certificate[:1]
	mixed := w.present(leaf("cert-mixed", nil), w.ca.middle, unknownRoot, unknownMiddle)
	mixed.Certificate[1], mixed.Certificate[3] = mixed.Certificate[3], mixed.Certificate[1]
	broken := w.present(leaf("cert-unparsable", nil), w.ca.middle)
	broken.Certificate = [][]byte{{0x30, 3, 1, 2, 3}}
	listed := leaf("cert-revoked",
		func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://" + w.crl + "/list"} })
	revoked := w.present(listed, w.ca.middle)
	w.revoked = listed.SerialNumber // set when it was signed
	forged := w.present(leaf("cert-forged", nil), double)
	forged.Certificate[1] = w.ca.middle.cert.Raw
	return []fault{
		bad("cert-expired", "expired two days ago", probes.ReasonCertificateExpired,
			w.present(leaf("cert-expired",
				func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -2); c.NotBefore = now.AddDate(0, -3, 0) }),
				w.ca.middle)),
		bad("cert-future", "not valid yet", probes.ReasonCertificateNotYetValid,
			w.present(leaf("cert-future", func(c *x509.Certificate) { c.NotBefore = now.AddDate(0, 0, 2) }), w.ca.middle)),
		bad("cert-self-signed", "self-signed", probes.ReasonCertificateUntrusted,
			w.present(leaf("cert-self-signed", nil), nil)),
		bad("cert-unknown-root", "a complete chain to an unknown root", probes.ReasonCertificateUntrusted,
			w.present(leaf("cert-unknown-root", nil), unknownMiddle, unknownRoot)),
		bad("cert-no-chain", "the intermediate is not sent", probes.ReasonCertificateChainIncomplete, alone),
		bad("cert-forged", "an issuer of the right name that did not sign it",
			probes.ReasonCertificateChainIncomplete, forged),
		bad("cert-intermediate-expired", "the intermediate has expired", probes.ReasonCertificateExpired,
			w.present(leaf("cert-intermediate-expired", nil), expired)),
		bad("cert-no-authority", "signed by a certificate that is not a CA", probes.ReasonCertificateUntrusted,
			w.present(leaf("cert-no-authority", nil), noCA)),
		bad("cert-constraints", "the intermediate may not sign for this domain", probes.ReasonCertificateUntrusted,
			w.present(leaf("cert-constraints", nil), elsewhere)),
		bad("cert-other-name", "for another host", probes.ReasonCertificateNameMismatch,
			w.present(leafOf("other."+faultZone), w.ca.middle)),
		bad("cert-wildcard-deep", "a wildcard one label too high", probes.ReasonCertificateNameMismatch,
			w.present(leafOf("*.test"), w.ca.middle)),
		bad("cert-wildcard-part", "a wildcard for part of a label", probes.ReasonCertificateNameMismatch,
			w.present(leafOf("cert-*."+faultZone), w.ca.middle)),
		bad("cert-address", "for an address only", probes.ReasonCertificateNameMismatch,
			w.present(leaf("cert-address", func(c *x509.Certificate) {
				c.DNSNames, c.IPAddresses = nil,
					[]net.IP{net.IPv4(127, 0, 5, 1)}
			}), w.ca.middle)),
		bad("cert-unparsable", "bytes that are not a certificate", probes.ReasonCertificateUnparsable, broken),
		bad("cert-revoked", "revoked by its issuer", probes.ReasonCertificateRevoked, revoked),
		bad("cert-list-silent", "the server of its revocation list never answers", "",
			w.present(leaf("cert-list-silent",
				func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://" + w.crl + "/silence"} }), w.ca.middle)),
		bad("cert-list-garbage", "its revocation list is invalid", "",
			w.present(leaf("cert-list-garbage",
				func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://" + w.crl + "/garbage"} }), w.ca.middle)),
		bad("cert-mixed", "the chain in the wrong order, with unrelated certificates", "", mixed),
		bad("cert-weak-key", "an RSA key of 1024 bits", "", w.weak("cert-weak-key")),
		bad("cert-many-names", "five hundred names, the right one last", "",
			w.present(leafOf(manyNames("cert-many-names")...), w.ca.middle)),
		bad("cert-huge", "a certificate larger than a handshake allows", probes.ReasonProberLimit,
			w.present(leaf("cert-huge", func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Value: make([]byte, 1<<18)}}
			}), w.ca.middle)),
	}
}

func manyNames(last string) []string {
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprintf("host%d.%s", i, faultZone))
	}
	return append(names, last+"."+faultZone)
}

func (w *faultWorld) weak(name string) tls.Certificate {
	w.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	w.ca.must(err)
	template := leafOf(name + "." + faultZone)
	template.SerialNumber = big.NewInt(1024)
	der, err := x509.CreateCertificate(rand.Reader, template, w.ca.middle.cert, &key.PublicKey, w.ca.middle.key)
	w.ca.must(err)
	return tls.Certificate{Certificate: [][]byte{der, w.ca.middle.cert.Raw}, PrivateKey: key}
}

// startCRLs serves the revocation list of the intermediate, and invalid lists.
func (w *faultWorld) startCRLs() string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.4.100:0")
	w.ca.must(err)
	mux := http.NewServeMux()
	mux.HandleFunc("/list", func(rw http.ResponseWriter, _ *http.Request) {
		list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(72 * time.Hour),
			RevokedCertificateEntries: []x509.RevocationListEntry{{
				SerialNumber:   w.revoked,
				RevocationTime: time.Now().Add(-time.Hour),
			}},
		}, w.ca.middle.cert, w.ca.middle.key)
		if err == nil {
			_, _ = rw.Write(list)
		}
	})
	mux.HandleFunc("/garbage", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(make([]byte, 1000)) })
	mux.HandleFunc("/silence", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	w.t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}
