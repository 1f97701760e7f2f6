package smtpprobe

import (
	"regexp"
	"slices"
	"strings"

	"m365_connector_exporter/probes"
)

// The texts of refusals. They are matched last, in lower case, after mail addresses were taken out: the words of an
// address say nothing. Each expression is one alternative per line.
var (
	mailAddress = regexp.MustCompile(`\S*@\S*`)

	relayText = anyOf(
		`\bunable to relay\b`,
		`\brelay(?:ing)? (?:access )?(?:is )?(?:denied|prohibited|not (?:permitted|allowed))\b`,
		`\bnot (?:permitted|allowed) to relay\b`,
	)

	// hostText is about the host that connected: its name, its reverse DNS, its right to use the sender's domain.
	hostText = anyOf(
		`\bclient host (?:\S+ )?rejected\b`,
		`\b(?:helo|ehlo) command rejected\b`,
		`\b(?:invalid|bad|forged|fake) (?:helo|ehlo)\b`,
		`\b(?:helo|ehlo) (?:name|argument|host ?name|string)\b`,
		`\b(?:ptr|rdns|fcrdns|reverse (?:dns|lookup|host ?name))\b`,
		`\b(?:spf|sender policy framework)\b`,
		`\bopen-?spf\b`,
		`\bpoor reputation\b`,
		`\byour access to\b.*\brejected\b`,
		`\bblocked by customer allow list\b`,
		`\b(?:ipcheck\.proofpoint\.com|zen\.mimecast\.org)\b`,
	)

	// blocklistText names a blocklist. It is about the host that connected only with addressText: other blocklists list
	// domains and contents.
	blocklistText = anyOf(
		`\b(?:block|black|deny)[ -]?list(?:ed|ing)?\b`,
		`\b(?:blocked|banned|dnsbl|rbl|reputation|spamhaus|spamcop|barracudacentral)\b`,
		`\blisted (?:in|at|on|by)\b`,
	)
	addressText = anyOf(
		`\bclient\b`,
		`\b(?:your|sending|connecting|remote) (?:ip|host|mta|server|network|mail server)\b`,
		`\bip (?:address )?\S*\d`,
		`\b\d{1,3}(?:\.\d{1,3}){3}\b`,
		`\[[0-9a-f:]*:[0-9a-f:]*\]`,
		`\bhelo command\b`,
	)

	senderText = anyOf(
		`\bsender (?:address )?(?:is )?(?:rejected|denied|refused|blocked|invalid)\b`,
		`\bsender verif(?:y|ication) failed\b`,
		`\b(?:domain of )?sender(?:'s)? (?:address |domain )?does not (?:exist|resolve)\b`,
	)

	unknownText = anyOf(
		`\buser unknown\b`,
		`\bunknown (?:user|recipient)\b`,
		`\bno such (?:user|recipient|mailbox)(?: here)?\b`,
		`\b(?:user|recipient|mailbox|address) (?:does not exist|doesn't exist|not found|unavailable)\b`,
		`\binvalid recipient\b`,
	)

	certificateText = anyOf(
		`\b(?:client|peer) cert(?:ificate)?\b`,
		`\bno (?:tls )?cert(?:ificate)? (?:was )?(?:presented|sent|provided|given)\b`,
		`\bcert(?:ificate)? (?:is )?required\b`,
	)
)

func anyOf(alternatives ...string) *regexp.Regexp {
	return regexp.MustCompile(strings.Join(alternatives, "|"))
}

// plainText returns the text of a reply as the rules match it.
func plainText(r probes.Reply) string {
	return strings.Join(strings.Fields(mailAddress.ReplaceAllString(strings.ToLower(r.Text), " ")), " ")
}

// aboutProber reports whether a refusal is about this host. Before MAIL FROM the server knows nothing else that a
// blocklist could list.
func aboutProber(text string, c command) bool {
	return hostText.MatchString(text) ||
		blocklistText.MatchString(text) && (slices.Contains(beforeMAIL, c) || addressText.MatchString(text))
}

func aboutCertificate(text string, _ command) bool { return certificateText.MatchString(text) }
