package wire

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
)

// The bounds of revocation checking.
const (
	crlTimeout   = 10 * time.Second // for one list, from look-up to last byte
	crlSize      = 10 << 20
	crlMaxAge    = 24 * time.Hour   // a list is fetched anew after it, however long it claims to hold
	crlRetry     = 10 * time.Minute // what could not be had is not asked for again before
	crlURLs      = 2                // tried for one certificate
	crlAtOnce    = 4                // fetches
	crlLists     = 1000
	crlEntries   = 600_000 // revoked certificates held over all lists; one list of crlSize has fewer
	crlFutureFor = 5 * time.Minute
)

// revocation asks the issuers' lists whether a chain has been revoked (RFC 5280, section 6.3, without delta and indirect lists).
// Whoever cannot be asked proves nothing: Microsoft does not say what Exchange Online does then. It is safe for concurrent use.
type revocation struct {
	now   func() time.Time
	fetch func(ctx context.Context, p *probes.Path, address string) ([]byte, error)
	*shelf
}

// shelf holds the lists and the turns at their servers, also over a change of settings.
type shelf struct {
	slots chan struct{}
	turns *turns
	group singleflight.Group // by listKey

	mu                   sync.Mutex
	lists                map[listKey]*heldList
	entries              int
	maxLists, maxEntries int
}

// listKey is a list as one issuer signs it: the same address may be named by another issuer's certificates.
type listKey struct {
	address string
	issuer  [sha256.Size]byte
}

// heldList is a list, or why there is none.
type heldList struct {
	list *revocationList
	err  error
	next time.Time // when it is fetched anew, by the clock that nobody sets where that comes before the list's own end
}

func newShelf() *shelf {
	return &shelf{
		slots: make(chan struct{}, crlAtOnce), turns: &turns{taken: map[netip.Addr]chan struct{}{}},
		lists: map[listKey]*heldList{}, maxLists: crlLists, maxEntries: crlEntries,
	}
}

func newRevocation(r *resolver, now func() time.Time, s *shelf) *revocation {
	return &revocation{now: now, fetch: crlFetcher{r, s.turns}.fetch, shelf: s}
}

func unjudged(why string) probes.Judgement {
	return probes.Judgement{Detail: probes.Sanitise(why, maxDetail)}
}

// judge asks for each certificate of a verified chain, leaf first and root last, whether its issuer has revoked it. p says which
// DNS servers know the lists' hosts.
func (r *revocation) judge(ctx context.Context, p *probes.Path, chain []*x509.Certificate) probes.Judgement {
	if len(chain) == 0 {
		return unjudged("not asked: the chain does not end at a trusted root")
	}
	if len(chain) == 1 {
		return unjudged("not asked: the certificate is itself a trusted root")
	}
	var unknown []string
	for i, cert := range chain[:len(chain)-1] {
		entry, found, err := r.status(ctx, p, cert, chain[i+1])
		switch {
		case err != nil:
			unknown = append(unknown, certificate.DisplayName(cert.Subject)+": "+err.Error())
		case found:
			return probes.Judgement{
				Outcome: probes.Failed, Reason: probes.ReasonCertificateRevoked,
				Detail: probes.Sanitise(fmt.Sprintf("%s was revoked on %s by %s (%s)", certificate.DisplayName(cert.Subject), timestamp(entry.at), certificate.DisplayName(cert.Issuer), entry.why()), maxDetail),
			}
		}
	}
	if len(unknown) > 0 {
		return unjudged("not known: " + strings.Join(unknown, "; "))
	}
	return probes.Judgement{Outcome: probes.Passed, Detail: "on none of the issuers' lists"}
}

// status looks a certificate up in the first of its lists that can be had.
func (r *revocation) status(ctx context.Context, p *probes.Path, cert, issuer *x509.Certificate) (entry revokedEntry, found bool, err error) {
	if r.now().After(cert.NotAfter) {
		return entry, false, errors.New("expired, and an issuer may take expired certificates from its list")
	}
	addresses := httpAddresses(cert)
	if len(addresses) == 0 {
		return entry, false, errors.New("names no list that can be had by http")
	}
	for _, address := range addresses {
		var list *revocationList
		if list, err = r.list(ctx, p, address, issuer); err == nil {
			err = list.covers(cert)
		}
		if err == nil {
			entry, found = list.revoked[string(cert.SerialNumber.Bytes())]
			return entry, found, nil
		}
	}
	return entry, false, err
}

// httpAddresses are the addresses of a certificate's lists that may be asked: plain http, as RFC 5280 recommends, for the list is
// signed, and https would need revocation checking itself.
func httpAddresses(cert *x509.Certificate) []string {
	var all []string
	for _, a := range cert.CRLDistributionPoints {
		u, err := url.Parse(a)
		if err == nil && strings.EqualFold(u.Scheme, "http") && u.Host != "" && u.User == nil && len(a) <= maxLine && len(all) < crlURLs {
			all = append(all, a)
		}
	}
	return all
}

// list returns an issuer's list from memory, or fetches it; however many ask, it is fetched once. A fetch outlives the probe that
// asked first, by crlTimeout at most, so that a probe in a hurry does not keep the others from ever having the list.
func (r *revocation) list(ctx context.Context, p *probes.Path, address string, issuer *x509.Certificate) (*revocationList, error) {
	key := listKey{address, sha256.Sum256(issuer.Raw)}
	if held, ok := r.held(key); ok {
		return held.list, held.err
	}
	done := r.group.DoChan(string(key.issuer[:])+address, func() (any, error) {
		if held, ok := r.held(key); ok {
			return held, nil
		}
		return r.keep(key, r.obtain(context.WithoutCancel(ctx), p, address, issuer)), nil
	})
	select {
	case res := <-done:
		held, _ := res.Val.(*heldList)
		return held.list, held.err
	case <-ctx.Done():
		return nil, errors.New("its list was not there in time")
	}
}

// obtain fetches, checks and reads a list. It runs beside the probes, so a panic of ours must end here.
func (r *revocation) obtain(ctx context.Context, p *probes.Path, address string, issuer *x509.Certificate) (held *heldList) {
	ctx, cancel := context.WithTimeout(ctx, crlTimeout)
	defer cancel()
	now := r.now()
	failed := func(err error) *heldList {
		return &heldList{err: fmt.Errorf("its list %s cannot be used: %w", probes.Sanitise(address, 256), err), next: now.Add(crlRetry)}
	}
	defer func() {
		if bug := recover(); bug != nil {
			held = failed(fmt.Errorf("panic: %v", bug))
		}
	}()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return failed(errors.New("too many lists are being fetched"))
	}
	der, err := r.fetch(ctx, p, address)
	if err != nil {
		return failed(err)
	}
	list, err := readList(der, issuer, now)
	if err != nil {
		return failed(err)
	}
	next := now.Add(crlMaxAge)
	if list.until.Before(next) {
		next = list.until
	}
	if soon := now.Add(crlRetry); next.Before(soon) {
		next = soon // held at most so long after its end
	}
	return &heldList{list: list, next: next}
}

func (r *revocation) held(key listKey) (*heldList, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held, ok := r.lists[key]
	if now := r.now(); !ok || now.After(held.next) || held.list != nil && now.After(held.list.until.Add(crlRetry)) {
		return nil, false
	}
	return held, true
}

// keep puts a list in its place. A list that still holds outlives a failure to fetch it anew.
func (r *revocation) keep(key listKey, fresh *heldList) *heldList {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.lists[key]
	if old != nil {
		if fresh.list == nil && old.list != nil && r.now().Before(old.list.until) {
			fresh = &heldList{list: old.list, next: fresh.next}
		}
		r.drop(key, old)
	}
	for k, held := range r.lists { // any will do: what is dropped is fetched again
		if len(r.lists) < r.maxLists && r.entries+fresh.size() <= r.maxEntries {
			break
		}
		r.drop(k, held)
	}
	r.lists[key] = fresh
	r.entries += fresh.size()
	return fresh
}

func (r *revocation) drop(key listKey, held *heldList) {
	delete(r.lists, key)
	r.entries -= held.size()
}

func (h *heldList) size() int {
	if h.list == nil {
		return 0
	}
	return len(h.list.revoked)
}
