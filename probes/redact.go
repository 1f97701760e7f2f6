package probes

import (
	"regexp"
	"strings"
)

// Patterns of mailbox names and credentials, which a server may echo. Host names, IP addresses and enhanced status
// codes match none of them.
var (
	mailbox = regexp.MustCompile(`([^\s<>()\[\]",;:@/?=&])[^\s<>()\[\]",;:@/?=&]*(@|%40)`)
	quoted  = regexp.MustCompile(`"[^"]*"@`)
	token   = regexp.MustCompile(`[A-Za-z0-9+/=_]{24,}`)
)

// Redact hides the local parts of mail addresses and possible tokens: runs of at least 24 characters with letters and
// digits. It is idempotent.
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
