package wire

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"math/big"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// TestKeyAndSignature: both fail no stage, and no reason of the closed list is theirs.
func TestKeyAndSignature(t *testing.T) {
	rsaKey := func(bits uint) any { return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537} }
	ec := issue(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "x"}}).cert
	root := func(a x509.SignatureAlgorithm) *x509.Certificate {
		return &x509.Certificate{RawSubject: []byte("r"), RawIssuer: []byte("r"), SignatureAlgorithm: a}
	}
	leaf := func(a x509.SignatureAlgorithm) *x509.Certificate {
		return &x509.Certificate{RawSubject: []byte("l"), RawIssuer: []byte("r"), SignatureAlgorithm: a}
	}
	for name, tt := range map[string]struct {
		got  probes.Judgement
		want probes.Outcome
	}{
		"RSA 1024":              {judgeKey(&x509.Certificate{PublicKey: rsaKey(1024)}), probes.Failed},
		"RSA 2047":              {judgeKey(&x509.Certificate{PublicKey: rsaKey(2047)}), probes.Failed},
		"RSA 2048":              {judgeKey(&x509.Certificate{PublicKey: rsaKey(2048)}), probes.Passed},
		"ECDSA 256":             {judgeKey(ec), probes.Passed},
		"SHA-256":               {judgeSignature([]*x509.Certificate{leaf(x509.SHA256WithRSA), root(x509.SHA256WithRSA)}), probes.Passed},
		"SHA-1 leaf":            {judgeSignature([]*x509.Certificate{leaf(x509.SHA1WithRSA)}), probes.Failed},
		"MD5 intermediate":      {judgeSignature([]*x509.Certificate{leaf(x509.SHA256WithRSA), leaf(x509.MD5WithRSA)}), probes.Failed},
		"SHA-1 of a root":       {judgeSignature([]*x509.Certificate{leaf(x509.SHA256WithRSA), root(x509.SHA1WithRSA)}), probes.Passed},
		"SHA-1, self-signed":    {judgeSignature([]*x509.Certificate{root(x509.SHA1WithRSA)}), probes.Failed},
		"ECDSA with SHA-1 leaf": {judgeSignature([]*x509.Certificate{leaf(x509.ECDSAWithSHA1)}), probes.Failed},
	} {
		if tt.got.Outcome != tt.want || tt.got.Reason != "" {
			t.Errorf("%s: %+v", name, tt.got)
		}
	}
}

// TestSHA1 is a verdict on the signature, not on the trust: the library's own refusal of SHA-1 is nobody's documented rule.
func TestSHA1(t *testing.T) {
	p := newPKI(t)
	sha1 := x509.Certificate{Subject: pkix.Name{CommonName: "old"}, SignatureAlgorithm: x509.ECDSAWithSHA1}
	oldLeaf := issue(t, p.inter, sha1).cert
	sha1.IsCA, sha1.KeyUsage = true, x509.KeyUsageCertSign
	oldInter := issue(t, p.root, sha1)
	newLeaf := issue(t, oldInter, x509.Certificate{}).cert
	forged := *oldLeaf
	forged.Signature = newLeaf.Signature
	unchecked := *newLeaf
	unchecked.SignatureAlgorithm = x509.MD5WithRSA
	nobody := x509.NewCertPool()
	sha1.NotBefore, sha1.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	endedInter := issue(t, p.root, sha1)
	endedLeaf := issue(t, endedInter, x509.Certificate{SignatureAlgorithm: x509.ECDSAWithSHA1}).cert
	for _, tt := range []struct {
		name      string
		chain     []*x509.Certificate
		roots     *x509.CertPool
		trust     probes.Outcome
		uncertain bool
	}{
		{"leaf by SHA-1", []*x509.Certificate{oldLeaf, p.inter.cert}, p.roots, probes.Passed, true},
		{"leaf by SHA-1, unknown root", []*x509.Certificate{oldLeaf, p.inter.cert}, nobody, probes.Failed, false},
		{"leaf by SHA-1, signed by somebody else", []*x509.Certificate{&forged, p.inter.cert}, p.roots, probes.NotReached, false},
		{"leaf by MD5, intermediate by SHA-1", []*x509.Certificate{&unchecked, oldInter.cert, p.root.cert}, p.roots, probes.Failed, false},
		{"leaf by SHA-1, issuer not sent", []*x509.Certificate{oldLeaf}, p.roots, probes.NotReached, false},
		{"intermediate by SHA-1, root not sent", []*x509.Certificate{newLeaf, oldInter.cert}, p.roots, probes.Failed, false},
		{"intermediate by SHA-1", []*x509.Certificate{newLeaf, oldInter.cert, p.root.cert}, p.roots, probes.Passed, true},
		{"issuer ended", []*x509.Certificate{endedLeaf, endedInter.cert, p.root.cert}, p.roots, probes.Failed, false},
		{"nothing by SHA-1", []*x509.Certificate{p.leaf(t).cert, p.inter.cert}, p.roots, probes.Passed, false},
	} {
		j := judge(time.Now(), tt.chain, "", "", tt.roots)
		if got := j.Verdicts[probes.VerdictTrust]; got.Outcome != tt.trust || (got.Uncertain != "") != tt.uncertain {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if tt.trust == probes.Passed && len(j.verified) < 3 {
			t.Errorf("%s: verified by %d certificates", tt.name, len(j.verified))
		}
	}
}

// TestChainBounds: certificates above the leaf count where they carry the chain; roots and strays do not.
func TestChainBounds(t *testing.T) {
	day := func(n int) time.Time { return time.Now().AddDate(0, 0, n).Truncate(time.Second).UTC() }
	ca := func(name string, by *issued, from, to int) *issued {
		return issue(t, by, x509.Certificate{
			Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: day(from), NotAfter: day(to),
		})
	}
	root := ca("Root", nil, -100, 5)
	upper := ca("Upper", root, -50, 40)
	lower := ca("Lower", upper, -10, 60)
	stray := ca("Stray", nil, -1, 1)
	leafOf := func(by *issued) *issued { return issue(t, by, x509.Certificate{DNSNames: []string{"mail.test"}}) }
	trusted, nobody := x509.NewCertPool(), x509.NewCertPool()
	trusted.AddCert(root.cert)
	leaf := leafOf(lower)
	for _, tt := range []struct {
		name     string
		sent     []*issued
		roots    *x509.CertPool
		from, to time.Time
	}{
		{"verified", []*issued{leaf, lower, upper, root}, trusted, day(-10), day(40)},
		{"verified, with a stray", []*issued{leaf, stray, lower, upper}, trusted, day(-10), day(40)},
		{"unverified", []*issued{leaf, lower, upper, root}, nobody, day(-10), day(40)},
		{"a hole", []*issued{leaf, upper}, trusted, time.Time{}, time.Time{}},
		{"half a chain", []*issued{leaf, lower}, trusted, day(-10), day(60)},
		{"under the root", []*issued{leafOf(root)}, trusted, time.Time{}, time.Time{}},
		{"the leaf alone", []*issued{leaf}, trusted, time.Time{}, time.Time{}},
	} {
		var chain []*x509.Certificate
		for _, c := range tt.sent {
			chain = append(chain, c.cert)
		}
		got := judge(time.Now(), chain, "mail.test", "", tt.roots)
		if !got.ChainNotBefore.Equal(tt.from) || !got.ChainNotAfter.Equal(tt.to) {
			t.Errorf("%s: %v to %v, want %v to %v", tt.name, got.ChainNotBefore, got.ChainNotAfter, tt.from, tt.to)
		}
	}
}

// TestUnsentIssuer: a private root that was not sent looks like a missing intermediate, and the words say so.
func TestUnsentIssuer(t *testing.T) {
	private := issue(t, nil, x509.Certificate{Subject: pkix.Name{CommonName: "Private Root"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign})
	leaf := issue(t, private, x509.Certificate{DNSNames: []string{"mail.test"}})
	got := judge(time.Now(), []*x509.Certificate{leaf.cert}, "mail.test", "", newPKI(t).roots)
	if j := got.Verdicts[probes.VerdictChain]; j.Reason != probes.ReasonCertificateChainIncomplete || !strings.Contains(j.Detail, "Private Root (an intermediate of a trusted root, or an unknown root") {
		t.Errorf("chain %+v", j)
	}
	if j := got.Verdicts[probes.VerdictTrust]; j.Outcome != probes.NotReached {
		t.Errorf("trust %+v", j)
	}
}

// TestAddressAsHost: an address is a host without brackets, looked for in the certificate as such, and in no server name.
func TestAddressAsHost(t *testing.T) {
	ca := newPKI(t)
	leaf := issue(t, ca.inter, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	cfg := serverConfig(leaf, ca.inter)
	cfg.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if h.ServerName != "" {
			t.Errorf("server name %q", h.ServerName)
		}
		return nil, nil //nolint:nilnil // as crypto/tls wants it
	}
	at, _ := serve(t, healthy(cfg))
	for hop, host := range map[string]string{"[127.0.0.1]": "127.0.0.1", "127.0.0.1": "127.0.0.1", "127.0.0.1/32": "127.0.0.1/32"} {
		p := testPath(at, probes.TLSStage, mailflow.DomainValidation)
		p.NextHop, p.Settings.ConnectTo = hop, nil
		ep := probeOne(t, testProber(ca.roots), p)
		if ep.Host != host || ep.Outcome(probes.TLSStage) != probes.Passed {
			t.Errorf("%s: host %q, %+v", hop, ep.Host, ep.Steps)
		}
	}
}

// TestVerdictCache: signatures are remembered until something in the chain begins or ends, an hour at most, and the answer is the
// one that judge would give.
func TestVerdictCache(t *testing.T) {
	ca := newPKI(t)
	now := time.Now().Truncate(time.Minute)
	in := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
	ending := issue(t, ca.root, x509.Certificate{Subject: pkix.Name{CommonName: "Ending"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: in(-600), NotAfter: in(30)})
	lasting, leaves := ca.leaf(t, "mail.test"), func(by *issued, from, to int) *issued {
		return issue(t, by, x509.Certificate{DNSNames: []string{"mail.test"}, NotBefore: in(from), NotAfter: in(to)})
	}
	v := newVerdictCache()
	for _, tt := range []struct {
		name   string
		sent   []*issued
		again  int // minutes from now
		spared bool
	}{
		{"the same minute", []*issued{lasting, ca.inter}, 0, true},
		{"most of an hour", []*issued{ca.leaf(t, "mail.test"), ca.inter}, 59, true},
		{"an hour", []*issued{ca.leaf(t, "mail.test"), ca.inter}, 60, false},
		{"the clock set back", []*issued{ca.leaf(t, "mail.test"), ca.inter}, -61, false},
		{"untrusted", []*issued{leaves(ca.root, -1, 600)}, 30, true},
		{"the leaf at its end", []*issued{leaves(ca.inter, -600, 30), ca.inter}, 30, true},
		{"the leaf after its end", []*issued{leaves(ca.inter, -600, 30), ca.inter}, 31, false},
		{"the leaf begins", []*issued{leaves(ca.inter, 30, 600), ca.inter}, 30, false},
		{"an issuer ends", []*issued{leaves(ending, -600, 600), ending}, 31, false},
		{"one that is not needed ends", []*issued{leaves(ca.inter, -600, 600), ca.inter, ending}, 31, false},
	} {
		var chain []*x509.Certificate
		for _, c := range tt.sent {
			chain = append(chain, c.cert)
		}
		v.judge(now, chain, "other.test", "", ca.roots)
		held := v.young[keyOfChain(chain)]
		got, want := v.judge(in(tt.again), chain, "mail.test", "", ca.roots), judge(in(tt.again), chain, "mail.test", "", ca.roots)
		if spared := v.young[keyOfChain(chain)] == held; spared != tt.spared {
			t.Errorf("%s: spared %v", tt.name, spared)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, want)
		}
	}
}

// TestVerdictsEndByTheWallClock: no reading of the monotonic clock is kept, which takes no part in a jump and would be compared instead.
func TestVerdictsEndByTheWallClock(t *testing.T) {
	ca := newPKI(t)
	if s := judgeSignatures(time.Now(), []*x509.Certificate{ca.leaf(t, "mail.test").cert, ca.inter.cert}, ca.roots); s.from != s.from.Round(0) || s.to != s.to.Round(0) {
		t.Errorf("held from %v to %v", s.from, s.to)
	}
}

// TestVerdictsAreBounded: two generations are kept, and what is asked for stays.
func TestVerdictsAreBounded(t *testing.T) {
	ca := newPKI(t)
	v, chain, now := newVerdictCache(), []*x509.Certificate{ca.leaf(t, "mail.test").cert, ca.inter.cert}, time.Now()
	v.judge(now, chain, "", "", ca.roots)
	held := v.young[keyOfChain(chain)]
	for i := range 5 * maxVerdicts {
		var other chainKey
		binary.BigEndian.PutUint64(other[:], uint64(i))
		v.keep(other, held)
		if n := len(v.young) + len(v.before); n > 2*maxVerdicts {
			t.Fatalf("%d held", n)
		}
		if i%1000 == 0 && v.look(keyOfChain(chain), now) != held {
			t.Fatalf("forgotten after %d others", i)
		}
	}
	v.judge(now, chain[:1], "", "", ca.roots) // without its issuer it is another chain
	if v.look(keyOfChain(chain[:1]), now) == nil || v.look(chainKey{1}, now) != nil {
		t.Error("what is remembered is not what was judged")
	}
}

// TestSerialIsBounded: a stranger's certificate may have a serial number of any length.
func TestSerialIsBounded(t *testing.T) {
	harmless(t, facts(&x509.Certificate{SerialNumber: new(big.Int).Lsh(big.NewInt(1), 1<<20)}).Serial, maxName)
}
