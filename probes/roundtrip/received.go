package roundtrip

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
)

// Hop is one server that received the message, as described by its Received field (RFC 5321, section 4.4). Fields that
// the server omitted are empty.
type Hop struct {
	From string // EHLO name of the sending server, and its address if recorded: "mx.contoso.com (192.0.2.1)"
	By   string // the receiving server
	With string // the protocol, such as "ESMTPS" or "Microsoft SMTP Server"
	TLS  string // such as "TLS 1.2"; "" if there was no TLS, or it is not recorded

	Time  time.Time     // zero if it cannot be parsed
	Delay time.Duration // since the previous hop, by the clocks of two servers
}

// maxReceived bounds the bytes of a field that are parsed.
const maxReceived = 2000

// parseReceived reads one Received field.
func parseReceived(value string) Hop {
	value = unfold(value)
	if len(value) > maxReceived {
		value = value[:maxReceived]
	}
	clauses, date := cutDate(value)
	h := Hop{TLS: tlsVersion(clauses)}
	if t, err := mail.ParseDate(date); err == nil {
		h.Time = t.UTC()
	}
	words := strings.Fields(clauses)
	for i := 0; i < len(words); i++ {
		keyword := strings.ToLower(words[i])
		target := h.clause(keyword)
		if target == nil || *target != "" {
			i = skipComment(words, i)
			continue
		}
		end := clauseEnd(words, i+1)
		*target = strings.Join(words[i+1:end], " ")
		i = end - 1
	}
	h.From, h.By, h.With = addressOf(h.From), withoutComments(h.By), withoutComments(h.With)
	return h
}

// clause returns the field for the clause of a keyword, nil if it is not kept.
func (h *Hop) clause(keyword string) *string {
	switch keyword {
	case "from":
		return &h.From
	case "by":
		return &h.By
	case "with":
		return &h.With
	}
	return nil
}

// clauseEnd returns the index of the next keyword outside comments.
func clauseEnd(words []string, i int) int {
	depth := 0
	for ; i < len(words); i++ {
		switch strings.ToLower(words[i]) {
		case "from", "by", "via", "with", "id", "for":
			if depth == 0 {
				return i
			}
		}
		depth += strings.Count(words[i], "(") - strings.Count(words[i], ")")
	}
	return i
}

// skipComment returns the index of the last word of a comment that begins at i, or i if none does.
func skipComment(words []string, i int) int {
	depth := 0
	for ; i < len(words); i++ {
		if depth += strings.Count(words[i], "(") - strings.Count(words[i], ")"); depth <= 0 {
			return i
		}
	}
	return i
}

// cutDate splits a field at the last semicolon.
func cutDate(value string) (clauses, date string) {
	i := strings.LastIndexByte(value, ';')
	if i < 0 {
		return value, ""
	}
	return value[:i], strings.TrimSpace(value[i+1:])
}

// withoutComments removes comments: text in parentheses.
func withoutComments(text string) string {
	var b strings.Builder
	depth := 0
	for _, c := range text {
		switch {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(c)
		}
	}
	return unfold(b.String())
}

var addressPattern = regexp.MustCompile(`\[?((?:\d{1,3}\.){3}\d{1,3}|(?i:IPv6:)?[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)\]?`)

// addressOf returns the name of a from clause and the address in its comment.
func addressOf(clause string) string {
	name := withoutComments(clause)
	match := addressPattern.FindStringSubmatch(strings.TrimPrefix(clause, name))
	if match == nil || strings.Contains(name, match[1]) {
		return name
	}
	return strings.TrimSpace(name + " (" + strings.TrimPrefix(strings.ToLower(match[1]), "ipv6:") + ")")
}

// tlsPattern matches the TLS version as Exchange (version=TLS1_2), Postfix (using TLSv1.3), Exim (TLS1.3) and others
// write it.
var tlsPattern = regexp.MustCompile(`(?i)\bTLSv?(1)(?:[._]([0-3]))?\b`)

func tlsVersion(clauses string) string {
	match := tlsPattern.FindStringSubmatch(clauses)
	switch {
	case match == nil:
		return ""
	case match[2] == "":
		return "TLS 1.0"
	}
	return "TLS 1." + match[2]
}
