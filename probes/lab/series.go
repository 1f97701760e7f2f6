package lab

import (
	"crypto/tls"
	"time"
)

// Series is a certificate that is renewed again and again, as a client with a timer does: each one lasts for a
// lifetime, and is replaced after a part of it.
type Series struct {
	Lifetime, RenewAfter time.Duration
	Stopped              bool // the timer no longer runs: the present certificate stays

	ca      *CA
	names   []string
	current tls.Certificate
	began   time.Time
}

// Series returns a series of certificates for the names, of which the first is issued by the first call of At.
func (ca *CA) Series(lifetime, renewAfter time.Duration, names ...string) *Series {
	return &Series{Lifetime: lifetime, RenewAfter: renewAfter, ca: ca, names: names}
}

// At returns the certificate that is in use at a given time, which must not be before that of an earlier call.
func (s *Series) At(now time.Time) (tls.Certificate, error) {
	if !s.began.IsZero() && (s.Stopped || now.Sub(s.began) < s.RenewAfter) {
		return s.current, nil
	}
	next, err := s.ca.Issue(Leaf{Names: s.names, NotBefore: now, NotAfter: now.Add(s.Lifetime)})
	if err != nil {
		return tls.Certificate{}, err
	}
	s.current, s.began = next, now
	return next, nil
}
