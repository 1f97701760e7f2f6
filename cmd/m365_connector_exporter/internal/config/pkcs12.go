package config

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"m365_connector_exporter/probes/inventory"
)

// Limits of a PKCS#12 file. Each iteration computes one or two hashes; the library does as many as the file requires.
const (
	maxIterations = 2_000_000
	maxDepthDER   = 16
)

var (
	errPKCS12     = errors.New("must be a readable PKCS#12 file with a certificate and its private key")
	errPassword   = errors.New("the password is wrong")
	errIterations = fmt.Errorf("would hash its password more than %d times", maxIterations)
)

// isPKCS12 reports whether DER has the outer structure of a PFX (RFC 7292, section 4): version 3, then PKCS#7.
func isPKCS12(der []byte) bool {
	var pfx struct {
		Version int
		Content contentInfo
		Mac     asn1.RawValue `asn1:"optional"`
	}
	_, err := asn1.Unmarshal(der, &pfx)
	return err == nil && pfx.Version == 3
}

// parsePKCS12 reads a .pfx. The library does not read one without a key.
func parsePKCS12(data []byte, password string) (Material, error) {
	if iterations(data, maxDepthDER) > maxIterations {
		return Material{}, errIterations
	}
	private, leaf, rest, err := pkcs12.DecodeChain(data, password)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return Material{}, errPassword
	}
	if err != nil {
		return Material{}, errPKCS12
	}
	key, ok := private.(crypto.Signer)
	if !ok {
		return Material{}, errKey
	}
	return material(append([]*x509.Certificate{leaf}, rest...), key)
}

// iterations returns the highest iteration count in DER: in MacData and in the parameters of each password-based
// encryption it is the integer after the octets of the salt (RFC 7292, section 4; RFC 8018, appendix A).
func iterations(der []byte, depth int) int64 {
	highest, afterOctets := int64(0), false
	for len(der) > 0 && depth > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			break
		}
		octets := v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOctetString
		switch {
		case octets || v.IsCompound:
			highest = max(highest, iterations(v.Bytes, depth-1))
		case afterOctets && v.Class == asn1.ClassUniversal && v.Tag == asn1.TagInteger:
			var count int64
			if _, err := asn1.Unmarshal(v.FullBytes, &count); err != nil {
				count = math.MaxInt64
			}
			highest = max(highest, count)
		}
		der, afterOctets = rest, octets
	}
	return highest
}

// passwordOf returns the contents of a password file without a byte order mark and the last line break.
func passwordOf(data []byte) string { return strings.TrimRight(string(inventory.UTF8(data)), "\r\n") }
