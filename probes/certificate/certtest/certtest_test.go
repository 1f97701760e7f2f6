package certtest_test

import (
	"bytes"
	"crypto/x509"
	"io"
	"math/big"
	"net/http"
	"testing"

	"m365_connector_exporter/probes/certificate/certtest"
)

func TestLeafVerifies(t *testing.T) {
	ca := certtest.New(t)
	leaf := ca.Leaf(t, "mail.test")
	intermediates := x509.NewCertPool()
	intermediates.AddCert(ca.Inter.Cert)
	options := x509.VerifyOptions{Roots: ca.Roots, Intermediates: intermediates, DNSName: "mail.test"}
	if _, err := leaf.Cert.Verify(options); err != nil {
		t.Error(err)
	}
	again := certtest.Reissue(t, ca.Inter, x509.Certificate{})
	if err := again.CheckSignature(again.SignatureAlgorithm, again.RawTBSCertificate, again.Signature); err != nil {
		t.Error(err)
	}
	if sent := certtest.ServerConfig(leaf, ca.Inter).Certificates[0].Certificate; len(sent) != 2 {
		t.Errorf("%d certificates are sent", len(sent))
	}
}

func TestCertificatesForOneKeyAndOneSerial(t *testing.T) {
	ca := certtest.New(t)
	again := certtest.IssueFor(t, ca.Root, ca.Inter, x509.Certificate{})
	if err := again.CheckSignatureFrom(ca.Root.Cert); err != nil {
		t.Error(err)
	}
	if !ca.Inter.Key.PublicKey.Equal(again.PublicKey) {
		t.Error("the certificate is for another key")
	}
	if issued := certtest.IssueSerial(t, big.NewInt(5), x509.Certificate{}); issued.Cert.SerialNumber.Int64() != 5 {
		t.Errorf("serial number %v", issued.Cert.SerialNumber)
	}
}

func TestCRLServer(t *testing.T) {
	s := certtest.NewCRLServer(t)
	s.Serve("/inter.crl", certtest.SignCRL(t, s.Inter, certtest.Revoke(s.LeafCert, 1)))
	for path, want := range map[string]int{"/root.crl": 0, "/inter.crl": 1} {
		res, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		der, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		list, err := x509.ParseRevocationList(der)
		if err != nil || len(list.RevokedCertificateEntries) != want {
			t.Errorf("%s: %v, %v", path, list, err)
		}
	}
	chain := s.Chain(s.LeafCert)
	if n := s.Requests.Load(); n != 2 || !bytes.Equal(chain[0].RawIssuer, chain[1].RawSubject) {
		t.Errorf("%d requests, chain of %v", n, chain[0].Issuer)
	}
	if res, err := http.Get(s.URL + "/none"); err != nil || res.StatusCode != http.StatusNotFound {
		t.Errorf("%v, %v", res, err)
	} else {
		_ = res.Body.Close()
	}
}
