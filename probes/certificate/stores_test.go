package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
)

// verdictsOf are the verdicts of stores, as name:outcome.
func verdictsOf(t *probes.TLS) string {
	words := make([]string, 0, len(t.Stores))
	for _, s := range t.Stores {
		words = append(words, s.Store+":"+s.Outcome.String())
	}
	return strings.Join(words, " ")
}

func TestChainIsJudgedByEveryStore(t *testing.T) {
	ca, other := certtest.New(t), certtest.New(t)
	leaf := ca.Leaf(t, "mail.test").Cert
	now := time.Now()
	expired := certtest.Issue(t, ca.Inter, x509.Certificate{
		DNSNames: []string{"mail.test"}, NotBefore: now.Add(-20 * time.Minute), NotAfter: now.Add(-10 * time.Minute),
	}).Cert
	both := x509.NewCertPool()
	both.AddCert(ca.Root.Cert)
	both.AddCert(other.Root.Cert)
	stores := []Store{{"own", ca.Roots}, {"other", other.Roots}, {"both", both}}
	for name, c := range map[string]struct {
		chain []*x509.Certificate
		want  string
	}{
		"whole chain": {[]*x509.Certificate{leaf, ca.Inter.Cert}, "own:passed other:failed both:passed"},
		"leaf alone":  {[]*x509.Certificate{leaf}, "own:failed other:failed both:failed"},
		"of the other authority": {
			[]*x509.Certificate{other.Leaf(t, "mail.test").Cert, other.Inter.Cert}, "own:failed other:passed both:passed",
		},
		"expired: the roots alone decide": {
			[]*x509.Certificate{expired, ca.Inter.Cert}, "own:passed other:failed both:passed",
		},
		"nothing": {nil, ""},
	} {
		v := NewVerifier(other.Roots, stores...)
		for range 2 { // verified, then remembered
			got, _ := v.Server(now, c.chain, "mail.test", "")
			if verdictsOf(&got) != c.want {
				t.Errorf("%s: %s, want %s", name, verdictsOf(&got), c.want)
			}
		}
	}
	client := NewVerifier(ca.Roots, stores...).Client(now, [][]byte{leaf.Raw, ca.Inter.Cert.Raw})
	if verdictsOf(client) != "own:passed other:failed both:passed" {
		t.Error(verdictsOf(client))
	}
}

// A store may have any certificate of a chain, or the issuer of any, as its root.
func TestStoreTrustsAnyCertificateOfTheChain(t *testing.T) {
	ca := certtest.New(t)
	leaf := ca.Leaf(t, "mail.test").Cert
	unrelated := certtest.Issue(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "Unrelated"}, IsCA: true}).Cert
	alone, whole := []*x509.Certificate{leaf}, []*x509.Certificate{leaf, ca.Inter.Cert, ca.Root.Cert}
	for name, c := range map[string]struct {
		root  *x509.Certificate
		chain []*x509.Certificate
		want  string
	}{
		"the root, which was sent":             {ca.Root.Cert, whole, "store:passed"},
		"the root, which was not sent":         {ca.Root.Cert, whole[:2], "store:passed"},
		"the intermediate":                     {ca.Inter.Cert, whole, "store:passed"},
		"the intermediate, which was not sent": {ca.Inter.Cert, alone, "store:passed"},
		"the leaf":                             {leaf, alone, "store:passed"},
		"another root":                         {unrelated, whole, "store:failed"},
	} {
		pool := x509.NewCertPool()
		pool.AddCert(c.root)
		got, _ := NewVerifier(ca.Roots, Store{"store", pool}).Server(time.Now(), c.chain, "mail.test", "")
		if verdictsOf(&got) != c.want {
			t.Errorf("%s: %s, want %s", name, verdictsOf(&got), c.want)
		}
	}
}

// The verdict of a store is not remembered beyond the end of a certificate that it rests on.
func TestVerdictsOfStoresEndWithTheirRoots(t *testing.T) {
	now := time.Now().Truncate(time.Minute)
	root := certtest.Issue(t, nil, x509.Certificate{
		Subject: pkix.Name{CommonName: "Ending Root"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(10 * time.Minute),
	})
	leaf := certtest.Issue(t, root, x509.Certificate{
		DNSNames: []string{"mail.test"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	})
	pool := x509.NewCertPool()
	pool.AddCert(root.Cert)
	v, chain := NewVerifier(x509.NewCertPool(), Store{"ending", pool}), []*x509.Certificate{leaf.Cert}
	for minutes := range 12 {
		want := "ending:passed"
		if minutes > 10 {
			want = "ending:failed"
		}
		got, _ := v.Server(now.Add(time.Duration(minutes)*time.Minute), chain, "mail.test", "")
		if verdictsOf(&got) != want {
			t.Errorf("after %d minutes: %s, want %s", minutes, verdictsOf(&got), want)
		}
	}
}

// A chain that needs many signature checks is not judged by each of many stores.
func TestHostileChainIsNotJudgedByStores(t *testing.T) {
	root := x509.Certificate{Subject: pkix.Name{CommonName: "Twin"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	signer := certtest.Issue(t, nil, root)
	chain := []*x509.Certificate{certtest.Issue(t, signer, x509.Certificate{DNSNames: []string{"mail.test"}}).Cert}
	for range maxSearchCost/2 + 1 { // as many that have the issuer's name
		chain = append(chain, certtest.Issue(t, nil, root).Cert)
	}
	stores := []Store{{"a", x509.NewCertPool()}, {"b", x509.NewCertPool()}}
	got, _ := NewVerifier(x509.NewCertPool(), stores...).Server(time.Now(), chain, "mail.test", "")
	if verdictsOf(&got) != "a:not_reached b:not_reached" {
		t.Error(verdictsOf(&got))
	}
	got, _ = NewVerifier(x509.NewCertPool(), stores[0]).Server(time.Now(), chain, "mail.test", "")
	if verdictsOf(&got) != "a:failed" {
		t.Error(verdictsOf(&got))
	}
}

func TestKnownStores(t *testing.T) {
	block, _ := pem.Decode(globalRootG2)
	g2, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	other := certtest.New(t).Root.Cert
	for _, s := range KnownStores() {
		for c, want := range map[*x509.Certificate]bool{g2: true, other: false} {
			_, err := c.Verify(x509.VerifyOptions{Roots: s.Roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			if (err == nil) != want {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
	}
	if a, b := KnownStores(), KnownStores(); !EqualStores(a, b) || EqualStores(a, a[:1]) ||
		EqualStores(a[:1], []Store{{a[0].Name, a[1].Roots}}) {
		t.Error("stores are compared wrongly")
	}
	if names := []string{KnownStores()[0].Name, KnownStores()[1].Name}; !slices.Equal(names,
		[]string{"mozilla", "digicert_global_root_g2"}) {
		t.Error(names)
	}
}
