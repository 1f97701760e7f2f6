package check

import (
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// Renewal is a leaf certificate that was replaced by one that expires later, as it was seen at an endpoint of a path or
// for the path's sender.
type Renewal struct {
	Host, Address string    // the endpoint, as in labels; both empty for a sender
	At            time.Time // when the new certificate was first seen
	// OldLastSeen is when the old certificate was seen again, after At: servers behind one address may show both in
	// turns. Zero if it was not.
	OldLastSeen time.Time
	Old, New    Leaf
}

// Leaf identifies a leaf certificate. Fields may be empty if an earlier version of the exporter recorded it.
type Leaf struct {
	Fingerprint, Issuer string
	NotBefore, NotAfter time.Time
}

// LeafOf returns what identifies a certificate.
func LeafOf(c *probes.Certificate) Leaf {
	return Leaf{Fingerprint: c.Fingerprint, Issuer: c.Issuer, NotBefore: c.NotBefore, NotAfter: c.NotAfter}
}

func (l Leaf) lifetime() time.Duration { return l.NotAfter.Sub(l.NotBefore) }

// used returns the share of the old certificate's lifetime after which it was no longer in use, at most 1.
func (r *Renewal) used() float64 {
	end := r.At
	if r.OldLastSeen.After(end) {
		end = r.OldLastSeen
	}
	return min(1, float64(end.Sub(r.Old.NotBefore))/float64(r.Old.lifetime()))
}

// cadence is at which share of their lifetime a host's certificates are replaced.
type cadence struct {
	earliest, latest float64 // of the renewals that were seen
	renewals         int     // on how many occasions
}

const (
	// minRenewals is how many renewals must have been seen before a cadence is known.
	minRenewals = 2
	// minUsed is the share of its lifetime below which a replaced certificate was not due: it was replaced for another
	// reason, such as a new name. Clients renew after half of the lifetime or later.
	minUsed = .4
	// occasionGap is the share of a lifetime within which the renewals of several servers are one occasion.
	occasionGap = .25
	// usualUsed is the share of the lifetime after which most clients renew, for hosts whose cadence is not known.
	usualUsed = 2. / 3
)

// cadenceOf learns the cadence of a host (of a sender, if the host is empty) for a certificate like this one: issued
// by the same authority, for about the same lifetime. A change of either may come with another way of renewing. It
// reports false while fewer than minRenewals were seen.
func cadenceOf(renewals []Renewal, host string, leaf Leaf) (c cadence, known bool) {
	var comparable []*Renewal
	for i := range renewals {
		if r := &renewals[i]; r.Host == host && similar(r.Old, leaf) && r.used() >= minUsed {
			comparable = append(comparable, r)
		}
	}
	slices.SortFunc(comparable, func(a, b *Renewal) int { return a.At.Compare(b.At) })
	var occasion time.Time
	gap := time.Duration(occasionGap * float64(leaf.lifetime()))
	for i, r := range comparable {
		used := r.used()
		if i == 0 {
			c.earliest, c.latest = used, used
		}
		c.earliest, c.latest = min(c.earliest, used), max(c.latest, used)
		if i == 0 || r.At.Sub(occasion) > gap {
			c.renewals++
			occasion = r.At
		}
	}
	return c, c.renewals >= minRenewals
}

// similar reports whether two certificates are of one authority, with lifetimes that differ by less than a quarter.
func similar(a, b Leaf) bool {
	one, two := a.lifetime(), b.lifetime()
	return one > 0 && two > 0 && 4*(one-two).Abs() < max(one, two) && authorityName(a.Issuer) == authorityName(b.Issuer)
}

// overdue returns when a certificate of this cadence is overdue. The tolerance is a twentieth of the lifetime, or a
// day for timers that run daily; if renewals have differed by more, it is that difference.
func (c cadence) overdue(leaf Leaf) time.Time {
	lifetime := float64(leaf.lifetime())
	share := c.latest + max(.05, float64(days(1))/lifetime, c.latest-c.earliest)
	if share >= 1 {
		return leaf.NotAfter
	}
	return leaf.NotBefore.Add(time.Duration(share * lifetime))
}
