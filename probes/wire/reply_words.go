package wire

import (
	"regexp"
	"strings"

	"m365_connector_exporter/probes"
)

// The well-known words of refusals. They are asked last, on lower-case text from which mail addresses were taken out: the words
// of somebody's address say nothing.
var (
	mailAddress = regexp.MustCompile(`\S*@\S*`)

	relayWords = regexp.MustCompile(`\b(?:unable to relay|relay(?:ing)? (?:access )?(?:is )?(?:denied|prohibited|not (?:permitted|allowed))|not (?:permitted|allowed) to relay)\b`)

	// What always speaks of the host that connected: its name, its reverse DNS, its right to use the sender's domain.
	hostWords = regexp.MustCompile(`\bclient host (?:\S+ )?rejected\b` +
		`|\b(?:helo|ehlo) command rejected\b|\b(?:invalid|bad|forged|fake) (?:helo|ehlo)\b|\b(?:helo|ehlo) (?:name|argument|host ?name|string)\b` +
		`|\b(?:ptr|rdns|fcrdns|reverse (?:dns|lookup|host ?name))\b` +
		`|\b(?:spf|sender policy framework)\b|\bopen-?spf\b` +
		`|\bpoor reputation\b|\byour access to\b.*\brejected\b|\bblocked by customer allow list\b` +
		`|\b(?:ipcheck\.proofpoint\.com|zen\.mimecast\.org)\b`)

	// A blocklist speaks of this host where the refusal names a client or an address: others list domains and contents.
	listWords = regexp.MustCompile(`\b(?:block|black|deny)[ -]?list(?:ed|ing)?\b|\b(?:blocked|banned|dnsbl|rbl|reputation|spamhaus|spamcop|barracudacentral)\b|\blisted (?:in|at|on|by)\b`)
	listed    = regexp.MustCompile(`\bclient\b|\b(?:your|sending|connecting|remote) (?:ip|host|mta|server|network|mail server)\b|\bip (?:address )?\S*\d|\b\d{1,3}(?:\.\d{1,3}){3}\b|\[[0-9a-f:]*:[0-9a-f:]*\]|\bhelo command\b`)

	senderWords = regexp.MustCompile(`\bsender (?:address )?(?:is )?(?:rejected|denied|refused|blocked|invalid)\b|\bsender verif(?:y|ication) failed\b|\b(?:domain of )?sender(?:'s)? (?:address |domain )?does not (?:exist|resolve)\b`)

	unknownWords = regexp.MustCompile(`\b(?:user unknown|unknown (?:user|recipient)|no such (?:user|recipient|mailbox)(?: here)?|(?:user|recipient|mailbox|address) (?:does not exist|doesn't exist|not found|unavailable)|(?:user|recipient) not found|invalid recipient)\b`)

	certificateWords = regexp.MustCompile(`\b(?:client|peer) cert(?:ificate)?\b|\bno (?:tls )?cert(?:ificate)? (?:was )?(?:presented|sent|provided|given)\b|\bcert(?:ificate)? (?:is )?required\b`)
)

func plainWords(r probes.Reply) string {
	return strings.Join(strings.Fields(mailAddress.ReplaceAllString(strings.ToLower(r.Text), " ")), " ")
}

// aboutProber reports whether a refusal speaks of this host. Before MAIL FROM nothing else has been told that a list could hold.
func aboutProber(text string, general probes.Reason) bool {
	if hostWords.MatchString(text) {
		return true
	}
	early := general == probes.ReasonGreetingRejected || general == probes.ReasonEHLORejected
	return listWords.MatchString(text) && (early || listed.MatchString(text))
}

// byWords is the last resort: it knows what refusals of the servers in the field say.
func byWords(r probes.Reply, general probes.Reason) probes.Reason {
	text := plainWords(r)
	atRecipient := general == probes.ReasonRecipientRejected
	switch {
	case aboutProber(text, general):
		return probes.ReasonProberRejected
	case atRecipient && senderWords.MatchString(text):
		return probes.ReasonSenderRejected
	case relayWords.MatchString(text):
		return probes.ReasonRelayDenied
	case atRecipient && unknownWords.MatchString(text):
		return probes.ReasonRecipientUnknown
	case atRecipient && r.Enhanced == "5.4.1" && strings.Contains(text, "access denied"):
		return probes.ReasonRecipientUnknown // Exchange Online: no such recipient in an Authoritative domain
	}
	return general
}
