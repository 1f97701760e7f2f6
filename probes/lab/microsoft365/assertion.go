package microsoft365

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	maxAssertion  = 10 * time.Minute // validity of an assertion
	clockSkew     = 5 * time.Minute  // that Entra ID tolerates
)

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// assertion is a client assertion (RFC 7523, section 3).
type assertion struct {
	header struct {
		Algorithm  string `json:"alg"`
		Type       string `json:"typ"`
		Thumbprint string `json:"x5t#S256"`
	}
	claims struct {
		Audience  string `json:"aud"`
		Issuer    string `json:"iss"`
		Subject   string `json:"sub"`
		ID        string `json:"jti"`
		NotBefore int64  `json:"nbf"`
		Expires   int64  `json:"exp"`
	}
	signed    string
	signature []byte
}

func parseAssertion(text string) (assertion, error) {
	var a assertion
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return a, fmt.Errorf("%d parts, want 3", len(parts))
	}
	for i, into := range []any{&a.header, &a.claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return a, fmt.Errorf("part %d: %w", i+1, err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return a, fmt.Errorf("part %d: %w", i+1, err)
		}
	}
	a.signed = parts[0] + "." + parts[1]
	var err error
	a.signature, err = base64.RawURLEncoding.DecodeString(parts[2])
	return a, err
}

// thumbprint decodes x5t#S256. RFC 7515 wants base64url without padding; MSAL for Go writes standard base64 with
// padding, and Entra ID accepts it.
func thumbprint(text string) ([]byte, error) {
	encoding := base64.StdEncoding
	switch {
	case strings.ContainsAny(text, "-_") && strings.HasSuffix(text, "="):
		encoding = base64.URLEncoding
	case !strings.HasSuffix(text, "="): // 32 bytes always have padding, unless it is left out
		encoding = base64.RawURLEncoding
	}
	sum, err := encoding.DecodeString(text)
	if err == nil && len(sum) != sha256.Size {
		err = fmt.Errorf("%d bytes, want %d", len(sum), sha256.Size)
	}
	return sum, err
}

// acceptAssertion returns the AADSTS code and detail of why an assertion is refused, 0 if it is not.
func (a *App) acceptAssertion(text string, audiences []string, now time.Time) (code int, detail string) {
	parsed, err := parseAssertion(text)
	if err != nil {
		return assertionMalformed, err.Error()
	}
	if parsed.header.Algorithm != "PS256" || parsed.header.Type != "JWT" {
		return assertionMalformed, fmt.Sprintf("alg %q, typ %q", parsed.header.Algorithm, parsed.header.Type)
	}
	sum, err := thumbprint(parsed.header.Thumbprint)
	if err != nil {
		return assertionMalformed, "x5t#S256: " + err.Error()
	}
	der := a.certificate(sum)
	if der == nil {
		return assertionInvalid, fmt.Sprintf("The key was not found., Thumbprint of key used by client: '%X'", sum)
	}
	if err := parsed.verify(der); err != nil {
		return assertionInvalid, "Client assertion contains an invalid signature: " + err.Error()
	}
	return parsed.acceptClaims(a.ID, audiences, now)
}

func (a assertion) verify(der []byte) error {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the certificate has no RSA key")
	}
	digest := sha256.Sum256([]byte(a.signed))
	// RFC 7518, section 3.5: the salt is as long as the hash.
	return rsa.VerifyPSS(key, crypto.SHA256, digest[:], a.signature,
		&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
}

func (a assertion) acceptClaims(client string, audiences []string, now time.Time) (code int, detail string) {
	c := a.claims
	from, to := time.Unix(c.NotBefore, 0), time.Unix(c.Expires, 0)
	switch {
	case !slices.Contains(audiences, c.Audience):
		return assertionAudience, fmt.Sprintf("%q, want one of %q", c.Audience, audiences)
	case !strings.EqualFold(c.Issuer, client) || c.Subject != c.Issuer:
		return assertionMalformed, fmt.Sprintf("iss %q, sub %q, want %q", c.Issuer, c.Subject, client)
	case !guid.MatchString(c.ID):
		return assertionMalformed, fmt.Sprintf("jti %q, want a GUID", c.ID)
	case c.NotBefore == 0 || c.Expires == 0 || to.Sub(from) > maxAssertion || !to.After(from):
		return assertionMalformed, fmt.Sprintf("nbf %d, exp %d, want both, at most %s apart",
			c.NotBefore, c.Expires, maxAssertion)
	case now.Add(clockSkew).Before(from) || !now.Add(-clockSkew).Before(to):
		return assertionTime, fmt.Sprintf("Current time: %s, assertion valid from %s, expiry time of assertion %s",
			now.UTC().Format(time.RFC3339), from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	}
	return 0, ""
}
