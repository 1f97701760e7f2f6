package smtpprobe

import (
	"regexp"
	"slices"
	"strings"

	"m365_connector_exporter/probes"
)

// The texts of refusals. They are matched in lower case, without mail addresses, whose words mean nothing. Each
// expression is one alternative per line.
var (
	mailAddress = regexp.MustCompile(`\S*@\S*`)

	relayText = anyOf(
		`\bunable to relay\b`,
		`\brelay(?:ing)? (?:access )?(?:is )?(?:denied|prohibited|not (?:permitted|allowed))\b`,
		`\bnot (?:permitted|allowed) to relay\b`,
		`\bwe do not relay\b`,
		`\brelaying to (?:\S+ )?denied\b`,
		`\brcpthosts\b`,
	)

	greylistText = anyOf(`\bgr[ae]y[ -]?list`)

	postscreenText = anyOf(`\bservice currently unavailable\b`)

	// limitText is about too many connections or messages, not about too large ones.
	limitText = anyOf(
		`\btoo (?:many|much|fast|frequent|frequently|busy)\b`,
		`\bbusy\b`,
		`\b(?:rate|connection|session|thread|concurrency) limit`,
		`\b(?:connection|session|message|mail|tls) rate\b`,
		`\bmaximum number of\b`,
		`\bthrottl(?:ed|ing)\b`,
		`\bslow down\b`,
	)

	fullText = anyOf(
		`\bmailbox (?:is |was )?(?:full|over)\b`,
		`\b(?:over|out of|exceeded|exceeds)(?: (?:its|the|storage|mailbox|disk))* ?quota\b`,
		`\b(?:disk |mailbox |storage )?quota (?:has been |is )?exceeded\b`,
	)

	// attributionText is the code that Exchange Online adds when no connector matched.
	attributionText = anyOf(`\battr36\b`)

	authenticationText = anyOf(
		`\bauthentication (?:is )?(?:required|needed)\b`,
		`\b(?:was|is) not authenticated\b`,
		`\b(?:must|please|need to) authenticate\b`,
		`\brequires authentication\b`,
		`\bachieve exchange server authentication\b`,
	)

	tlsText = anyOf(
		`\bmust issue (?:a )?starttls\b`,
		`\b(?:starttls|tls|encryption) (?:is )?required\b`,
		`\brequires? (?:starttls|tls|encryption)\b`,
	)

	// serverText is about the state of the server itself.
	serverText = anyOf(
		`\binsufficient (?:system )?(?:resources?|storage|disk|memory)\b`,
		`\bservice (?:is )?not (?:active|available)\b`,
		`\btemporary (?:server|system|lookup|local) (?:error|failure|problem)\b`,
		`\b(?:server|local) configuration (?:error|problem)\b`,
		`\blocal error in processing\b`,
		`\bqueue file write error\b`,
		`\bback[ -]?pressure\b`,
		`\b(?:disk|mail system) (?:is )?full\b`,
		`\b(?:out of (?:disk|memory)|no space left)\b`,
		`\bnot accepting (?:network )?messages\b`,
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
		`\b(?:cannot|could not) find your (?:reverse )?host ?name\b`,
		`\breverse (?:dns|lookup) is required\b`,
		`\bnot allowed to (?:connect|send)\b`,
		`\bhost network (?:is )?not allowed\b`,
		`\b(?:dial-?up|dynamic|transient)\b.*\bip\b`,
		`\bip[ -]based\b`,
		`\bonly (?:office|microsoft) 365\b`,
		`\bpermissions? to send as this sender\b`,
		`\banti-?spoofing\b`,
		`\bover ipv6\b`,
		`\bblocked by customer allow list\b`,
		`\b(?:ipcheck\.proofpoint\.com|zen\.mimecast\.org)\b`,
	)

	// blocklistText names a blocklist. It is about the host that connected only with addressText: other blocklists
	// list domains and contents.
	blocklistText = anyOf(
		`\b(?:block|black|deny)[ -]?list(?:ed|ing)?\b`,
		`\b(?:blocked|banned|dnsbl|rbl|reputation|spamhaus|spamcop|barracudacentral)\b`,
		`\blisted (?:in|at|on|by)\b`,
	)
	addressText = anyOf(
		`\bclient\b`,
		`\b(?:your|sending|connecting|remote) (?:ip|host|mta|server|network|mail server)\b`,
		`\bip (?:address )?\S*\d`,
		`\bip address\b`,
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
		`\bno mailbox (?:here )?by that name\b`,
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
