package crl

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/httpfetch"
)

// The bounds of a check.
const (
	fetchTimeout    = 10 * time.Second // for one list, from the look-up to the last byte
	maxListBytes    = 10 << 20
	maxAddresses    = 2    // tried for one certificate
	maxAddressBytes = 2000 // of one address
	maxFetches      = 4    // at the same time
	maxShownAddress = 256  // bytes of an address in a detail
)

// Checker checks chains and caches revocation lists. It is safe for concurrent use.
type Checker struct {
	now       func() time.Time
	slots     chan struct{}
	documents *httpfetch.Fetcher
	group     singleflight.Group // by listKey
	cache     *crlCache
}

// New returns a Checker that reads the time from now.
func New(now func() time.Time) *Checker {
	return &Checker{
		now: now, slots: make(chan struct{}, maxFetches), documents: httpfetch.New(), cache: newCRLCache(now),
	}
}

// Check evaluates whether a certificate of a verified chain, leaf first and root last, is revoked: Passed, Failed with
// certificate_revoked, or NotReached with a detail if that is not known. It waits for lists until ctx ends; a fetch
// that it has started continues, so that the next check finds the list in the cache.
func (c *Checker) Check(ctx context.Context, network httpfetch.Network, chain []*x509.Certificate) probes.Judgement {
	switch len(chain) {
	case 0:
		return notEvaluated("not checked: the chain does not end at a trusted root")
	case 1:
		return notEvaluated("not checked: the certificate is itself a trusted root")
	}
	var unknown []string
	for i, cert := range chain[:len(chain)-1] {
		entry, revoked, err := c.status(ctx, network, cert, chain[i+1])
		name := certificate.DisplayName(cert.Subject)
		switch {
		case err != nil:
			unknown = append(unknown, name+": "+err.Error())
		case revoked:
			issuer := certificate.DisplayName(cert.Issuer)
			detail := fmt.Sprintf("%s was revoked on %s by %s (%s)", name, timestamp(entry.at), issuer, entry.why())
			return probes.Judgement{
				Outcome: probes.Failed, Reason: probes.ReasonCertificateRevoked, Detail: probes.Sanitise(detail, probes.MaxDetail),
			}
		}
	}
	if len(unknown) > 0 {
		return notEvaluated("not known: " + strings.Join(unknown, "; "))
	}
	return probes.Judgement{Outcome: probes.Passed, Detail: "not on the issuers' revocation lists"}
}

func notEvaluated(why string) probes.Judgement {
	return probes.Judgement{Detail: probes.Sanitise(why, probes.MaxDetail)}
}

// status looks up a certificate in the first of its lists that is usable.
func (c *Checker) status(
	ctx context.Context, network httpfetch.Network, cert, issuer *x509.Certificate,
) (entry revokedEntry, revoked bool, err error) {
	if c.now().After(cert.NotAfter) {
		return entry, false, errors.New("expired, and issuers may remove expired certificates from their lists")
	}
	addresses := httpAddresses(cert)
	if len(addresses) == 0 {
		return entry, false, errors.New("names no revocation list that can be fetched by http")
	}
	for _, address := range addresses {
		var list *revocationList
		if list, err = c.list(ctx, network, address, issuer); err == nil {
			err = list.covers(cert)
		}
		if err == nil {
			entry, revoked = list.revoked[serialKey(cert.SerialNumber)]
			return entry, revoked, nil
		}
	}
	return entry, false, err
}

// httpAddresses returns those addresses of a certificate's lists that may be fetched.
func httpAddresses(cert *x509.Certificate) []string {
	var all []string
	for _, a := range cert.CRLDistributionPoints {
		u, err := url.Parse(a)
		usable := err == nil && strings.EqualFold(u.Scheme, "http") && u.Host != "" && u.User == nil
		if usable && len(a) <= maxAddressBytes && len(all) < maxAddresses {
			all = append(all, a)
		}
	}
	return all
}

// list returns an issuer's list from the cache, or fetches it once for all callers that wait. The fetch may outlast the
// probe that started it, so that a probe with little time left does not fail the others.
func (c *Checker) list(
	ctx context.Context, network httpfetch.Network, address string, issuer *x509.Certificate,
) (*revocationList, error) {
	key := newListKey(address, issuer)
	if cached := c.cache.get(key); cached != nil {
		return cached.list, cached.err
	}
	done := c.group.DoChan(string(key.issuer[:])+address, func() (any, error) {
		if cached := c.cache.get(key); cached != nil {
			return cached, nil
		}
		return c.cache.store(key, c.fetchAndParse(context.WithoutCancel(ctx), network, address, issuer)), nil
	})
	select {
	case result := <-done:
		cached, _ := result.Val.(*cachedCRL)
		return cached.list, cached.err
	case <-ctx.Done():
		return nil, errors.New("its revocation list did not arrive in time")
	}
}

// fetchAndParse fetches, parses and checks a list. It recovers from panics, because it runs in its own goroutine.
func (c *Checker) fetchAndParse(
	ctx context.Context, network httpfetch.Network, address string, issuer *x509.Certificate,
) (result *cachedCRL) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	now := c.now()
	unusable := func(err error) *cachedCRL {
		err = fmt.Errorf("%s cannot be used: %w", probes.Sanitise(address, maxShownAddress), err)
		return &cachedCRL{err: err, next: now.Add(retryAfter)}
	}
	defer func() {
		if bug := recover(); bug != nil {
			result = unusable(fmt.Errorf("panic: %v", bug))
		}
	}()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return unusable(errors.New("too many lists are being fetched"))
	}
	der, err := c.documents.Get(ctx, network, httpfetch.Request{URL: address, MaxBytes: maxListBytes})
	if err != nil {
		return unusable(err)
	}
	list, err := parseList(der, issuer, now)
	if err != nil {
		return unusable(err)
	}
	return newCachedCRL(list, now)
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
