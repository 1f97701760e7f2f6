package config

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"m365_connector_exporter/probes/inventory"
)

var (
	errEncryptedKey = errors.New("contains an encrypted private key: decrypt it, or use pkcs12 with password_file")
	errKey          = errors.New("contains a private key that cannot be read (must be PKCS#8, PKCS#1 or SEC 1)")
	errKeys         = errors.New("contains more than one private key")
	errPKCS7        = errors.New("contains PKCS#7 that cannot be read (must be SignedData in DER)")
)

// parseCertificates reads PEM (certificates, PKCS#7, one key), DER or PKCS#7.
func parseCertificates(data []byte) (Material, error) {
	data = inventory.UTF8(data)
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		certs, err := parseDER(data)
		if err != nil {
			return Material{}, err
		}
		return material(certs, nil)
	}
	var certs []*x509.Certificate
	var key crypto.Signer
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var more []*x509.Certificate
		var err error
		switch {
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && key != nil:
			err = errKeys
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key, err = parseKey(block)
		case block.Type == "PKCS7":
			more, err = parsePKCS7(block.Bytes)
		case block.Type == "CERTIFICATE":
			if more, err = x509.ParseCertificates(block.Bytes); err != nil {
				err = fmt.Errorf("certificate %d cannot be read", len(certs)+1)
			}
		}
		if certs = append(certs, more...); err == nil && len(certs) > maxCertificates {
			err = errManyCertificates
		}
		if err != nil {
			return Material{}, err
		}
	}
	return material(certs, key)
}

// hasKey reports whether PEM contains a private key, readable or not.
func hasKey(data []byte) bool {
	return bytes.Contains(inventory.UTF8(data), []byte("PRIVATE KEY-----"))
}

func parseDER(der []byte) ([]*x509.Certificate, error) {
	if isPKCS7(der) {
		return parsePKCS7(der)
	}
	certs, err := x509.ParseCertificates(der)
	if err != nil {
		return nil, errNoCertificate
	}
	return certs, nil
}

// parseKey reads a key that crypto/tls can sign with.
func parseKey(block *pem.Block) (crypto.Signer, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errEncryptedKey
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, errKey
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, errKey
}

// isKeyOf reports whether a key is that of a certificate.
func isKeyOf(key crypto.Signer, c *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

// contentInfo is the outer structure of PKCS#7 (RFC 2315, section 7).
type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
}

func isPKCS7(der []byte) bool {
	var info contentInfo
	_, err := asn1.Unmarshal(der, &info)
	return err == nil && info.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2})
}

// parsePKCS7 returns the certificates of SignedData (RFC 2315, section 9.1). It uses no library, because those that
// read PKCS#7 first convert BER into DER with a recursion that a hostile file of indefinite lengths can drive to a
// stack overflow.
func parsePKCS7(der []byte) ([]*x509.Certificate, error) {
	var info contentInfo
	var signed struct {
		Version      int
		Digests      asn1.RawValue
		Content      asn1.RawValue
		Certificates struct{ Raw asn1.RawContent } `asn1:"optional,tag:0"`
		CRLs         struct{ Raw asn1.RawContent } `asn1:"optional,tag:1"`
		Signers      asn1.RawValue
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, errPKCS7
	}
	if _, err := asn1.Unmarshal(info.Content.Bytes, &signed); err != nil || len(signed.Certificates.Raw) == 0 {
		return nil, errPKCS7
	}
	var set asn1.RawValue
	if _, err := asn1.Unmarshal(signed.Certificates.Raw, &set); err != nil {
		return nil, errPKCS7
	}
	certs, err := x509.ParseCertificates(set.Bytes)
	if err != nil {
		return nil, errPKCS7
	}
	return certs, nil
}
