package crl

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// maxClockSkew is how far in the future the thisUpdate of a list may be.
const maxClockSkew = 5 * time.Minute

// revocationList is an issuer's list, reduced to what a check needs.
type revocationList struct {
	until     time.Time               // nextUpdate
	issuer    []byte                  // raw subject of the issuer
	revoked   map[string]revokedEntry // by serialKey
	onlyUsers bool
	onlyCAs   bool
	points    []string // distribution points that the list is for; none means all
}

// revokedEntry is when and why a certificate was revoked.
type revokedEntry struct {
	at     time.Time
	reason int
}

// why returns the reason as text (RFC 5280, section 5.3.1).
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

// parseList parses a list and checks that the issuer has signed it and that it is up to date.
func parseList(der []byte, issuer *x509.Certificate, now time.Time) (*revocationList, error) {
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, errors.New("not a revocation list: " + probes.Sanitise(err.Error(), 100))
	}
	if !bytes.Equal(crl.RawIssuer, issuer.RawSubject) {
		return nil, errors.New("it was issued by another issuer")
	}
	if err := crl.CheckSignatureFrom(issuer); err != nil {
		return nil, errors.New("its signature was not made by the issuer")
	}
	list := &revocationList{
		until: crl.NextUpdate, issuer: crl.RawIssuer,
		revoked: make(map[string]revokedEntry, len(crl.RevokedCertificateEntries)),
	}
	if err := list.readScope(crl); err != nil {
		return nil, err
	}
	switch {
	case now.Add(maxClockSkew).Before(crl.ThisUpdate):
		return nil, errors.New("it begins on " + timestamp(crl.ThisUpdate))
	case crl.NextUpdate.IsZero():
		return nil, errors.New("it has no nextUpdate")
	case now.After(crl.NextUpdate):
		return nil, errors.New("it ended on " + timestamp(crl.NextUpdate))
	}
	for _, e := range crl.RevokedCertificateEntries {
		list.revoked[serialKey(e.SerialNumber)] = revokedEntry{e.RevocationTime, e.ReasonCode}
	}
	return list, nil
}

var (
	oidDelta             = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
)

// issuingPoint is the extension of RFC 5280, section 5.2.5.
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

// readScope reads which certificates a list covers. It rejects partial lists and lists with an unknown critical
// extension: that a certificate is missing there proves nothing.
func (l *revocationList) readScope(crl *x509.RevocationList) error {
	for _, e := range crl.Extensions {
		switch {
		case e.Id.Equal(oidDelta):
			return errors.New("it is a delta list")
		case e.Id.Equal(oidDistributionPoint):
			var point issuingPoint
			if rest, err := asn1.Unmarshal(e.Value, &point); err != nil || len(rest) > 0 {
				return errors.New("its issuing distribution point cannot be parsed")
			}
			partial := point.OnlyAttributes || point.OnlyReasons.BitLength > 0 || len(point.Point.Relative.FullBytes) > 0
			if point.Indirect || partial {
				return errors.New("it is an indirect or partial list")
			}
			l.onlyUsers, l.onlyCAs = point.OnlyUsers, point.OnlyCAs
			for _, name := range point.Point.FullName {
				if name.Class == asn1.ClassContextSpecific && name.Tag == 6 { // uniformResourceIdentifier
					l.points = append(l.points, string(name.Bytes))
				}
			}
		case e.Critical:
			return errors.New("it has an unknown critical extension " + e.Id.String())
		}
	}
	return nil
}

// covers checks that the list covers the certificate. Issuers split their lists, and an attacker on the network could
// replace the right part with another one.
func (l *revocationList) covers(cert *x509.Certificate) error {
	named := func(point string) bool { return slices.Contains(cert.CRLDistributionPoints, point) }
	switch {
	case !bytes.Equal(l.issuer, cert.RawIssuer):
		return errors.New("its revocation list was issued by another issuer")
	case l.onlyUsers && cert.IsCA, l.onlyCAs && !cert.IsCA:
		return errors.New("its revocation list is for other kinds of certificates")
	case len(l.points) > 0 && !slices.ContainsFunc(l.points, named):
		return errors.New("its revocation list is for another part of the issuer's certificates")
	}
	return nil
}

// serialKey returns a serial number as a map key: big-endian, preceded by a zero byte if it is negative.
func serialKey(serial *big.Int) string {
	if serial.Sign() < 0 {
		return "\x00" + string(serial.Bytes())
	}
	return string(serial.Bytes())
}
