package text

import (
	"regexp"
	"strings"
)

// What a server echoes may name a mailbox or carry something that opens a door. Host names, addresses and enhanced codes stay.
var (
	mailbox = regexp.MustCompile(`([^\s<>()\[\]",;:@/?=&])[^\s<>()\[\]",;:@/?=&]*(@|%40)`)
	quoted  = regexp.MustCompile(`"[^"]*"@`)
	token   = regexp.MustCompile(`[A-Za-z0-9+/=_]{24,}`)
)

// Redact hides in a server's words the local parts of mail addresses and what looks like a token: a run of 24 characters or more
// with letters and digits. It may be applied again.
func Redact(s string) string {
	s = token.ReplaceAllStringFunc(s, func(run string) string { // first: what is left of a token may be a local part
		if strings.HasPrefix(run, "TLS_") || !strings.ContainsAny(run, "0123456789") || strings.Trim(run, "0123456789") == "" {
			return run
		}
		return run[:4] + "***"
	})
	s = quoted.ReplaceAllString(s, `"***"@`)
	return mailbox.ReplaceAllString(s, `$1***$2`)
}
