package roundtrip_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/roundtrip"
)

var (
	hybrid = roundtrip.Trip{Tenant: "contoso", Name: "hybrid"}
	sent   = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	key    = []byte("0123456789abcdef")
)

func newTokens(trips ...roundtrip.Trip) *roundtrip.Tokens { return roundtrip.NewTokens(key, trips) }

func TestTokenIsFoundInText(t *testing.T) {
	tokens := newTokens(hybrid)
	token := tokens.New(hybrid, sent.Add(300*time.Millisecond))
	if !regexp.MustCompile(`^rt[0-9a-v]{48}$`).MatchString(token.Text) {
		t.Errorf("token %q, want rt and 48 letters and digits", token.Text)
	}
	for name, text := range map[string]string{
		"alone":                 token.Text,
		"in a subject":          "[EXTERNAL] Re: Mail flow test " + token.Text + " (suspicious)",
		"in a Message-ID":       "<" + token.Text + "@probe.contoso.com>",
		"in capitals":           strings.ToUpper(token.Text),
		"after one of a forger": "rt" + strings.Repeat("0", 48) + " " + token.Text,
	} {
		t.Run(name, func(t *testing.T) {
			found, ok := tokens.Find(text)
			if !ok || found != token {
				t.Errorf("Find = %v, %v; want %v", found, ok, token)
			}
		})
	}
	if !token.Sent.Equal(sent) {
		t.Errorf("sent %v, want whole seconds: %v", token.Sent, sent)
	}
}

func TestForgedTokenIsNotFound(t *testing.T) {
	tokens := newTokens(hybrid)
	token := tokens.New(hybrid, sent).Text
	of := func(key, tenant, name string) string {
		trip := roundtrip.Trip{Tenant: tenant, Name: name}
		return roundtrip.NewTokens([]byte(key), []roundtrip.Trip{trip}).New(trip, sent).Text
	}
	flip := func(i int) string {
		b := []byte(token)
		if b[i] = '0'; token[i] == '0' {
			b[i] = '1'
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"nothing":                        "",
		"cut":                            token[:40],
		"longer":                         token + "0",
		"another round trip":             of(string(key), "contoso", "other"),
		"another key":                    of("fedcba9876543210", "contoso", "hybrid"),
		"another identifier":             flip(3),
		"another time":                   flip(12),
		"another code":                   flip(45),
		"names that are split elsewhere": of(string(key), "contosoh", "ybrid"),
		"behind many forged ones":        strings.Repeat("rt"+strings.Repeat("0", 48)+" ", 100) + token,
	} {
		t.Run(name, func(t *testing.T) {
			if found, ok := tokens.Find(text); ok {
				t.Errorf("Find = %v, want nothing", found)
			}
		})
	}
}

func TestTokensDiffer(t *testing.T) {
	tokens := newTokens(hybrid)
	if a, b := tokens.New(hybrid, sent), tokens.New(hybrid, sent); a.Text == b.Text {
		t.Errorf("two tokens of one second are the same: %s", a.Text)
	}
}
