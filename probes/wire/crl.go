package wire

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// revocationList is what is kept of an issuer's list.
type revocationList struct {
	until     time.Time
	issuer    []byte                  // raw subject of the issuer
	revoked   map[string]revokedEntry // by serial number, big-endian
	onlyUsers bool
	onlyCAs   bool
	points    []string // where it was issued for; none = for all
}

type revokedEntry struct {
	at     time.Time
	reason int
}

// why is the reason of RFC 5280, section 5.3.1.
func (e revokedEntry) why() string {
	reasons := []string{
		"no reason given", "key compromise", "CA compromise", "affiliation changed", "superseded", "cessation of operation",
		"on hold", "", "", "privilege withdrawn", "AA compromise",
	}
	if e.reason >= 0 && e.reason < len(reasons) && reasons[e.reason] != "" {
		return reasons[e.reason]
	}
	return fmt.Sprintf("reason %d", e.reason)
}

// readList parses a list and checks that the issuer signed it and that it holds now.
func readList(der []byte, issuer *x509.Certificate, now time.Time) (*revocationList, error) {
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, errors.New("it is no list: " + probes.Sanitise(err.Error(), 100))
	}
	if !bytes.Equal(crl.RawIssuer, issuer.RawSubject) {
		return nil, errors.New("it is another issuer's")
	}
	if err := crl.CheckSignatureFrom(issuer); err != nil {
		return nil, errors.New("its signature is not the issuer's")
	}
	list := &revocationList{until: crl.NextUpdate, issuer: crl.RawIssuer, revoked: make(map[string]revokedEntry, len(crl.RevokedCertificateEntries))}
	if err := list.scope(crl); err != nil {
		return nil, err
	}
	switch {
	case now.Add(crlFutureFor).Before(crl.ThisUpdate):
		return nil, errors.New("it holds from " + timestamp(crl.ThisUpdate) + " only")
	case crl.NextUpdate.IsZero():
		return nil, errors.New("it does not say how long it holds")
	case now.After(crl.NextUpdate):
		return nil, errors.New("it ended on " + timestamp(crl.NextUpdate))
	}
	for _, e := range crl.RevokedCertificateEntries {
		list.revoked[string(e.SerialNumber.Bytes())] = revokedEntry{e.RevocationTime, e.ReasonCode}
	}
	return list, nil
}

var (
	oidDelta             = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
)

// issuingPoint is RFC 5280, section 5.2.5.
type issuingPoint struct {
	Point struct {
		FullName []asn1.RawValue `asn1:"optional,tag:0"`
		Relative asn1.RawValue   `asn1:"optional,tag:1"`
	} `asn1:"optional,tag:0"`
	OnlyUsers      bool           `asn1:"optional,tag:1"`
	OnlyCAs        bool           `asn1:"optional,tag:2"`
	OnlyReasons    asn1.BitString `asn1:"optional,tag:3"`
	Indirect       bool           `asn1:"optional,tag:4"`
	OnlyAttributes bool           `asn1:"optional,tag:5"`
}

// scope reads what a list is for. A part of a list, or one with a condition that we do not know, proves nothing.
func (l *revocationList) scope(crl *x509.RevocationList) error {
	for _, e := range crl.Extensions {
		switch {
		case e.Id.Equal(oidDelta):
			return errors.New("it is a delta list")
		case e.Id.Equal(oidDistributionPoint):
			var point issuingPoint
			if rest, err := asn1.Unmarshal(e.Value, &point); err != nil || len(rest) > 0 {
				return errors.New("it does not say clearly what it is for")
			}
			if point.Indirect || point.OnlyAttributes || point.OnlyReasons.BitLength > 0 || len(point.Point.Relative.FullBytes) > 0 {
				return errors.New("it is an indirect or partial list")
			}
			l.onlyUsers, l.onlyCAs = point.OnlyUsers, point.OnlyCAs
			for _, name := range point.Point.FullName {
				if name.Class == asn1.ClassContextSpecific && name.Tag == 6 { // uniformResourceIdentifier
					l.points = append(l.points, string(name.Bytes))
				}
			}
		case e.Critical:
			return errors.New("it has a condition that is not known here: " + e.Id.String())
		}
	}
	return nil
}

// covers reports whether the list speaks of the certificate. Issuers split their lists: the part of other certificates, which
// anybody on the way could put in the place of the right one, says nothing.
func (l *revocationList) covers(cert *x509.Certificate) error {
	ours := func(point string) bool { return slices.Contains(cert.CRLDistributionPoints, point) }
	switch {
	case !bytes.Equal(l.issuer, cert.RawIssuer):
		return errors.New("its list is another issuer's")
	case l.onlyUsers && cert.IsCA, l.onlyCAs && !cert.IsCA:
		return errors.New("its list is for other kinds of certificates")
	case len(l.points) > 0 && !slices.ContainsFunc(l.points, ours):
		return errors.New("its list is for another part of the issuer's certificates")
	}
	return nil
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
