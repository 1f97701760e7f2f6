package probes

import (
	"regexp"
	"strings"
)

// A server may echo mailbox names and credentials. Host names, addresses and enhanced status codes stay readable.
var (
	mailbox = regexp.MustCompile(`([^\s<>()\[\]",;:@/?=&])[^\s<>()\[\]",;:@/?=&]*(@|%40)`)
	quoted  = regexp.MustCompile(`"[^"]*"@`)
	token   = regexp.MustCompile(`[A-Za-z0-9+/=_]{24,}`)
)

// Redact hides the local parts of mail addresses and possible tokens: runs of 24 characters or more with letters and
// digits. Applying it again changes nothing.
func Redact(s string) string {
	s = token.ReplaceAllStringFunc(s, func(run string) string { // first: the rest of a token may be a local part
		letters := strings.Trim(run, "0123456789")
		if strings.HasPrefix(run, "TLS_") || letters == "" || !strings.ContainsAny(run, "0123456789") {
			return run
		}
		return run[:4] + "***"
	})
	s = quoted.ReplaceAllString(s, `"***"@`)
	return mailbox.ReplaceAllString(s, `$1***$2`)
}
