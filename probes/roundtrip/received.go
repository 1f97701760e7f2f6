package roundtrip

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
)

// Hop is one server that received the message, as its Received field tells (RFC 5321, section 4.4). Fields that the
// server left out are empty.
type Hop struct {
	From string // the name that the sending server gave, and its address if noted: "mx.contoso.com (192.0.2.1)"
	By   string // the receiving server
	With string // the protocol, such as "ESMTPS" or "Microsoft SMTP Server"
	TLS  string // "TLS 1.2", or empty: no TLS, or not noted

	Time  time.Time     // zero if it cannot be read
	Delay time.Duration // after the hop before, by the clocks of two servers
}

// maxReceived limits the bytes of a field that are read.
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

// clause returns the field of a keyword, nil for one that is not kept.
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

// skipComment returns the index of the last word of a comment that begins at i, i without one.
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

// withoutComments removes what is in parentheses.
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

// tlsPattern matches the notes of Exchange (version=TLS1_2), Postfix (using TLSv1.3), Exim (TLS1.3) and others.
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
