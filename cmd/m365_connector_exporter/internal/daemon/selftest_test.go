package daemon

import (
	"context"
	"crypto/x509"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"go.uber.org/goleak"
)

func TestSelfTest(t *testing.T) {
	defer goleak.VerifyNone(t)
	self, err := newSelfTest(promslog.NewNopLogger())
	if err != nil {
		t.Fatal(err)
	}
	if _, known := self.result(); known {
		t.Error("known before it ran")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { self.run(ctx); close(done) }()
	for known := false; !known; _, known = self.result() {
		time.Sleep(time.Millisecond)
	}
	if passed, _ := self.result(); !passed {
		t.Error("a working prober fails")
	}
	cancel()
	<-done
	self.probe(t.Context()) // nothing listens now
	if passed, known := self.result(); passed || !known {
		t.Error("a prober that reaches nothing passes")
	}
}

// TestSelfTestCertificate holds that a wrong clock does not break the self-test.
func TestSelfTestCertificate(t *testing.T) {
	certificate, roots, err := selfTestCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, year := range []int{1971, 2026, 2200} {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		if _, err := certificate.Leaf.Verify(x509.VerifyOptions{
			DNSName: selfTestName, Roots: roots,
			CurrentTime: at,
		}); err != nil {
			t.Errorf("%d: %v", year, err)
		}
	}
}
