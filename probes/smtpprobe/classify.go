package smtpprobe

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"m365_connector_exporter/probes"
)

// command is the command that a reply answers.
type command uint8

const (
	commandGreeting command = iota // the connection itself
	commandEHLO
	commandSTARTTLS
	commandMAIL
	commandRCPT
	commandDATA // DATA and the message
)

// refusalReasons are the reasons of refusals that no rule matches.
var refusalReasons = [...]probes.Reason{
	commandGreeting: probes.ReasonGreetingRejected, commandEHLO: probes.ReasonEHLORejected,
	commandSTARTTLS: probes.ReasonSTARTTLSRejected, commandMAIL: probes.ReasonSenderRejected,
	commandRCPT: probes.ReasonRecipientRejected, commandDATA: probes.ReasonMessageRejected,
}

// refusal is a reply that refuses a command, and the facts of the session that rules depend on.
type refusal struct {
	reply     probes.Reply
	command   command
	withheld  bool // the server requested a client certificate in the handshake, and none was sent
	ownSender bool // the domain of MAIL FROM is an accepted domain of the tenant
}

// judgement is why a server refused, and the evidence in its reply that selects a more precise remedy.
type judgement struct {
	reason   probes.Reason
	evidence probes.Evidence
}

// rule assigns a reason to refusals. A refusal must match every field that is set; the first rule that matches decides.
type rule struct {
	enhanced  string         // enhanced status code
	through   int            // last number of a range that begins with enhanced: 649 for 5.7.606 to 5.7.649
	codes     [2]int         // first and last reply code
	on        []command      // any if empty
	words     *regexp.Regexp // matched against plainText
	and       *regexp.Regexp // must match as well as words
	withheld  bool           // see refusal
	ownSender bool           // see refusal

	reason   probes.Reason
	evidence probes.Evidence
	source   string // where the rule comes from: an RFC, a manual, or the servers that reply so
}

// classify returns the reason of a refusal.
func (r refusal) classify() judgement {
	if j, ok := r.match(); ok {
		return j
	}
	return judgement{reason: refusalReasons[r.command]}
}

// match returns the judgement of the first rule that matches. ok is false if no rule does.
func (r refusal) match() (j judgement, ok bool) {
	text := plainText(r.reply)
	for i := range rules {
		if rules[i].matches(r, text) {
			return judgement{rules[i].reason, rules[i].evidence}, true
		}
	}
	return judgement{}, false
}

func (r *rule) matches(seen refusal, text string) bool {
	switch {
	case r.enhanced != "" && !r.matchesEnhanced(seen.reply.Enhanced),
		r.codes[0] != 0 && (seen.reply.Code < r.codes[0] || seen.reply.Code > r.codes[1]),
		len(r.on) > 0 && !slices.Contains(r.on, seen.command),
		r.withheld && !seen.withheld,
		r.ownSender && !seen.ownSender:
		return false
	}
	return (r.words == nil || r.words.MatchString(text)) && (r.and == nil || r.and.MatchString(text))
}

// matchesEnhanced reports whether an enhanced code equals the rule's or lies in its range.
func (r *rule) matchesEnhanced(code string) bool {
	if code == r.enhanced {
		return true
	}
	class, first := cutLastNumber(r.enhanced)
	codeClass, number := cutLastNumber(code)
	return class == codeClass && number >= first && number <= r.through
}

// cutLastNumber splits "5.7.64" into "5.7" and 64.
func cutLastNumber(code string) (head string, number int) {
	i := strings.LastIndexByte(code, '.')
	if i < 0 {
		return "", 0
	}
	number, _ = strconv.Atoi(code[i+1:])
	return code[:i], number
}
