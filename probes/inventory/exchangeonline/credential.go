package exchangeonline

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// Credential proves the identity of an application: a certificate with its key, or a secret. It prints as its kind, so
// that it cannot appear in a log.
type Credential struct {
	kind        string
	msal        confidential.Credential
	fingerprint [sha256.Size]byte // of the certificate or the secret; changes with it
}

// NewCertificate returns a credential of a certificate and its key, which must be RSA: Entra ID accepts assertions
// that are signed with PS256.
func NewCertificate(leaf *x509.Certificate, key crypto.PrivateKey) (Credential, error) {
	if _, ok := key.(*rsa.PrivateKey); !ok {
		return Credential{}, errors.New("the key must be an RSA key")
	}
	c, err := confidential.NewCredFromCert([]*x509.Certificate{leaf}, key)
	if err != nil {
		return Credential{}, errors.New("the key is not that of the certificate")
	}
	return Credential{kind: "certificate", msal: c, fingerprint: sha256.Sum256(leaf.Raw)}, nil
}

// NewSecret returns a credential of a client secret.
func NewSecret(secret string) (Credential, error) {
	c, err := confidential.NewCredFromSecret(secret)
	if err != nil {
		return Credential{}, errors.New("the secret is empty")
	}
	return Credential{
		kind: "secret", msal: c, fingerprint: sha256.Sum256([]byte(secret)),
	}, nil
}

// Format prints the kind, whatever the verb is.
func (c Credential) Format(s fmt.State, _ rune) { _, _ = fmt.Fprintf(s, "[%s]", c.kind) }

// MarshalText does the same for JSON and log/slog.
func (c Credential) MarshalText() ([]byte, error) { return []byte("[" + c.kind + "]"), nil }
