package roundtrip

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Trip names a round trip of a tenant.
type Trip struct{ Tenant, Name string }

// Token identifies one test message.
type Token struct {
	Trip Trip
	Sent time.Time // whole seconds
	Text string    // only letters and digits, which gateways do not change
}

// A token is "rt" and 48 characters of base32: 5 bytes that identify the round trip, the time in seconds (5 bytes), 5
// random bytes, and 15 bytes of the HMAC-SHA256 of these and the round trip's names.
const (
	tokenPrefix = "rt"
	idLength    = 5
	bodyLength  = 3 * idLength
	macLength   = 15
)

var (
	tokenEncoding = base32.HexEncoding.WithPadding(base32.NoPadding)
	tokenPattern  = regexp.MustCompile(`(?i)\brt([0-9a-v]{48})\b`)
)

// maxCandidates bounds the tokens in one text that are verified.
const maxCandidates = 8

// Tokens makes and verifies the tokens of the configured round trips.
type Tokens struct {
	key   []byte
	trips map[string]Trip // by identifier
}

// NewTokens returns Tokens with a secret key of at least 16 bytes.
func NewTokens(key []byte, trips []Trip) *Tokens {
	t := &Tokens{key: bytes.Clone(key), trips: make(map[string]Trip, len(trips))}
	for _, trip := range trips {
		t.trips[string(t.id(trip))] = trip
	}
	return t
}

// New returns a new token of a round trip for a message that is sent now.
func (t *Tokens) New(trip Trip, now time.Time) Token {
	body := append(t.id(trip), make([]byte, bodyLength-idLength)...)
	copy(body[idLength:], appendSeconds(nil, now))
	_, _ = rand.Read(body[2*idLength:]) // never fails
	text := tokenPrefix + strings.ToLower(tokenEncoding.EncodeToString(append(body, t.mac(trip, body)...)))
	return Token{Trip: trip, Sent: time.Unix(now.Unix(), 0).UTC(), Text: text}
}

// Find returns the first valid token in a text, such as a subject.
func (t *Tokens) Find(text string) (Token, bool) {
	for _, match := range tokenPattern.FindAllStringSubmatch(text, maxCandidates) {
		if token, ok := t.verify(match[1]); ok {
			return token, true
		}
	}
	return Token{}, false
}

func (t *Tokens) verify(encoded string) (Token, bool) {
	raw, err := tokenEncoding.DecodeString(strings.ToUpper(encoded))
	if err != nil || len(raw) != bodyLength+macLength {
		return Token{}, false
	}
	body, mac := raw[:bodyLength], raw[bodyLength:]
	trip, ok := t.trips[string(body[:idLength])]
	if !ok || !hmac.Equal(mac, t.mac(trip, body)) {
		return Token{}, false
	}
	return Token{
		Trip: trip, Sent: parseSeconds(body[idLength : 2*idLength]), Text: tokenPrefix + strings.ToLower(encoded),
	}, true
}

// appendSeconds appends the Unix time in 5 bytes, which are enough for 34,000 years.
func appendSeconds(b []byte, t time.Time) []byte {
	seconds := t.Unix()
	for shift := 8 * (idLength - 1); shift >= 0; shift -= 8 {
		b = append(b, byte(seconds>>shift&0xff))
	}
	return b
}

func parseSeconds(b []byte) time.Time {
	var seconds int64
	for _, digit := range b {
		seconds = seconds<<8 | int64(digit)
	}
	return time.Unix(seconds, 0).UTC()
}

// id returns the identifier of a round trip.
func (t *Tokens) id(trip Trip) []byte { return t.sum("id", trip, nil)[:idLength:idLength] }

// mac returns the authentication code of a token's body.
func (t *Tokens) mac(trip Trip, body []byte) []byte { return t.sum("token", trip, body)[:macLength] }

func (t *Tokens) sum(use string, trip Trip, body []byte) []byte {
	h := hmac.New(sha256.New, t.key)
	for _, part := range []string{use, trip.Tenant, trip.Name, string(body)} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // never fails
	}
	return h.Sum(nil)
}
