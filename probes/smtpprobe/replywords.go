package smtpprobe

import (
	"regexp"
	"strings"

	"m365_connector_exporter/probes"
)

// The words of refusals, as common servers write them, with one alternative per line. They are matched against
// plainText.
var (
	mailAddress = regexp.MustCompile(`\S*@\S*`)

	ipv6Words = anyOf(
		`\b(?:over|via|using) ipv6\b`,
		`\bipv6 sending guidelines\b`,
		`\bipv6 (?:is )?not (?:supported|accepted)\b`,
	)

	reverseDNSWords = anyOf(
		`\b(?:ptr|rdns|fcrdns|reverse[ -](?:dns|lookup|host ?name)|reverse dns)\b`,
		`\b(?:cannot|could not|can't|unable to) (?:find|resolve) your (?:reverse )?(?:host ?name|address|ip)\b`,
		`\bunresolvable relay host name\b`,
		`\bip name lookup failed\b`,
		`\bip address does not resolve\b`,
		`\bno (?:reverse )?dns (?:entry|record) for (?:your|the) (?:ip|address|host)\b`,
		`\bcxdns\b`,
	)

	helloWords = anyOf(
		`\b(?:helo|ehlo) command rejected\b`,
		`\b(?:invalid|bad|forged|fake|illegal|unacceptable) (?:helo|ehlo)\b`,
		`\b(?:helo|ehlo)(?:/(?:helo|ehlo))? (?:name|argument|host ?name|string|domain|requires|mismatch)\b`,
		`\bhelo\b.*\b(?:does not (?:resolve|match)|not (?:resolvable|fully qualified|allowed)|mismatch)`,
	)

	spfWords = anyOf(
		`\b(?:spf|sender policy framework)\b`,
		`\bopen-?spf\b`,
		`\bdmarc\b.*\b(?:policy|fail|reject|pass|invalid)`,
		`\bpass dmarc\b`,
		`\b(?:sender ?id|purported responsible address)\b`, // Exchange's Sender ID agent
		`\b(?:domain )?authentication fail\b`,
		senderAuthenticationWords.String(),
		`\bdmarc\b.*\b(?:unauthenticated|prohibited)\b`,
	)
	senderAuthenticationWords = anyOf(
		`\bsenders? to authenticate\b`,
		`\bsender is unauthenticated\b`,
	)

	// hostWords are about the host that connected.
	hostWords = anyOf(
		`\bclient host (?:\S+ )?rejected\b`,
		`\byour access to\b.*\brejected\b`,
		`\bnot allowed to (?:connect|send|talk)\b`,
		`\bnot authorized to (?:connect|send email directly)\b`,
		`\bhost network,? (?:is )?not allowed\b`,
		`\b(?:dial-?up|dynamic|transient|residential)\b.*\b(?:ips?|address(?:es)?|hosts?)\b`,
		`\bip[ -]based\b`,
		`\bonly (?:office|microsoft) 365\b`,
		`\bblocked by customer allow list\b`,
		`\bip not in (?:white|allow) ?list\b`,
		`\bnot in (?:the |our |my )?(?:white|allow(?:ed)?)[ -]?list\b`,
		`\b(?:your|client|sending|this) (?:ip|host|server|mail server)\b.{0,60}\bnot (?:allowed|permitted|accepted)\b`,
		`\b(?:your|client|sending|this) (?:ip|host|server|mail server)\b.{0,60}\bnot authorized\b`,
		`\bconnection (?:rejected|refused|denied) by (?:policy|local policy)\b`,
		`\bconnection rejected by\b.*\b(?:policy|acl)\b`,
		`\bgo away\b`,
		`\b(?:your )?country\b.*\b(?:blocked|not allowed|denied|rejected)\b`,
		`\bgeo(?:graphic|ip|location)?\b.*\b(?:blocked|restrict|denied|rejected)`,
		`\bconnections? (?:will )?not (?:be )?accepted from\b`,
		`\b(?:access|mail|connections?|server) from (?:your )?ip\b.*\b(?:blocked|denied|refused|rejected|not accepted)\b`,
		`\buse the smtp (?:server|relay) (?:of|at) your (?:isp|service provider)\b`,
		`\bexternal client with ip address\b`, // Exchange, connection filtering
		`\bconnections? from your country\b`,
	)

	// reputationWords name the reputation of an address or a list of addresses.
	reputationWords = anyOf(
		`\b(?:ipcheck\.proofpoint\.com|zen\.mimecast\.org|spamhaus\.org/query/(?:bl|ip)|zen\.spamhaus\.org)\b`,
		`\bsupport\.proofpoint\.com/dnsbl-lookup`,
		`\b(?:poor|low|bad|negative|very low)\b.{0,40}\breputation\b`,
		`\breputation of the sending ip\b`,
		`\bct ip reputation\b`,
		`\brbl reject\b`,
		`\bspamhaus(?:'s list| (?:zen|sbl|xbl|pbl|css))\b`,
		`\bpart of their network is on our block list\b`,
		`\bip temporarily blacklisted\b`,
		`\blooks suspiciously like spammer\b`,
		`\brejected by (?:spamhaus|spamcop|sorbs|barracuda)\b`, // hMailServer
	)

	// blocklistWords name a list. They are about the host that connected only with addressWords: other lists have
	// domains and contents.
	blocklistWords = anyOf(
		`\b(?:block|black|deny)[ -]?list(?:ed|ing)?\b`,
		`\b(?:blocked|banned|dnsbl|rbl|reputation|spamhaus|spamcop|barracudacentral)\b`,
		`\blist(?:ed|ing) (?:in|at|on|by)\b`,
	)
	addressWords = anyOf(
		`\bclient\b`,
		`\b(?:your|sending|connecting|remote) (?:ip|host|mta|server|network|mail server)\b`,
		`\bthis ip\b`,
		`\bip (?:address )?\S*\d`,
		`\bip address\b`,
		`\b\d{1,3}(?:\.\d{1,3}){3}\b`,
		`\[[0-9a-f:]*:[0-9a-f:]*\]`,
		`\bhelo command\b`,
	)

	greylistWords = anyOf(
		`\bgr[ae]y[ -]?list`,
		`\bpostgrey\b`,
		`\binternal resources? (?:are |is )?temporarily unavailable\b`, // Mimecast
		`\bproject-gr[ae]ylist\b`,
	)

	postscreenWords = anyOf(`\bservice currently unavailable\b`)

	// limitWords are about too many connections or messages, not about too large ones.
	limitWords = anyOf(
		`\btoo (?:many|much|fast|frequent|frequently|busy|quickly)\b`,
		`\bbusy\b`,
		`\b(?:rate|connection|session|thread|concurrency|throughput)[ -]?limit`,
		`\b(?:connection|session|message|mail|tls|submission|receiving|unusual) rate\b`,
		`\bunusual rate\b`,
		`\bat a rate\b`,
		`\bmax(?:imum)?(?: number of)?(?: \S+){0,2} (?:connections?|sessions?|messages? per)\b`,
		`\bmaximum (?:number of|tls rate)\b`,
		`\bthrottl(?:ed|ing)\b`,
		`\bslow down\b`,
		`\bquota exceeded\b.*\b(?:organization|queue)\b`,
		`\borganization queue quota\b`,
		`\b(?:deferred due to|excessive|unexpected) (?:excessive )?volume\b`,
		`\btemporarily deferred\b`,
		`\bunable to process connection at this time\b`,
		`\b(?:limit|threshold) (?:has been )?(?:reached|exceeded)\b`,
		`\bexceeded\b.*\blimit\b`,
		`\brate control\b`, // Barracuda
	)
	permanentLimitWords = anyOf(
		`\brate[ -]limit`,
		`\bsent too many (?:messages )?`,
		`\btoo many (?:concurrent |simultaneous )?(?:connections|sessions)\b`,
		`\b(?:relay|sending|connection|thread) limit\b`,
		`\bexceeded permitted limits\b`,
		`\bunusual rate\b`,
	)

	ownDomainWords = anyOf(
		`\bpermissions? to send (?:as this sender|on behalf)\b`,
		`\banti-?spoof(?:ing)?\b`,
		`\bspoof(?:ed|ing)?\b`,
		`\bsender address rejected: (?:not (?:logged in|owned by user))\b`,
		`\b(?:local|our|internal|own) (?:domain|sender|user|address)(?:e?s)?\b.*\b(?:authenticat|not allowed|outside)`,
		`\b(?:local|our|internal|own) (?:domain|sender|user|address)(?:e?s)?\b.*\b(?:rejected|external)`,
		`\bauthenticat\w* .*\b(?:local|internal|own) (?:domain|sender|user|address)(?:e?s)?\b`,
		`\byou are not (?:allowed|permitted) to (?:use|send (?:as|from)) (?:this|our|a local)\b`,
		`\bmail from not owned by user\b`,
		`\bsender domain\b.*\b(?:must|requires?|needs?) (?:to )?(?:be )?authenticat`,
		`\b(?:sender|domain|address)\b.*\bis (?:local|internal|ours|hosted here)\b.*\bauthenticat`,
		`\bip[ -]?shield(?:ing)?\b`, // MDaemon
	)

	// outsideWords are the replies to a server's own domain in MAIL FROM from another host. "Access denied" is Postfix's
	// text for a table without a text.
	outsideWords = anyOf(
		`\baccess denied\b`,
		`\byou(?:'re| are) not\b`,
		`\b(?:from )?outside\b`,
		`\bexternal(?:ly)?\b`,
		`\b(?:forge|fake|impersonat|pretend)\w*\b`,
		`\bnot (?:allowed|permitted|authori[sz]ed)\b`,
		`\b(?:our|own|local|internal) (?:domain|network|host|server|sender|address)(?:e?s)?\b`,
	)

	senderDomainWords = anyOf(
		`\bsender address rejected: (?:domain not found|unverified|malformed dns)`,
		`\bdomain of sender(?:'s)? address\b.*\bdoes not (?:exist|resolve)\b`,
		`\bunresolvable rfc\.?5321\b`,
		`\bcould not resolve (?:the )?sender(?:'s)? domain\b`,
		`\bsender verify (?:failed|callout)|could not complete sender verify\b`,
		`\bsender domain\b.*\b(?:not found|does not (?:exist|resolve)|unresolvable|could not be)\b`,
		senderMXWords.String(),
	)

	// senderMXWords are about the MX records of the domain of MAIL FROM.
	senderMXWords = anyOf(
		`\bno mx for your from address\b`, // Haraka
		`\bvalid mx for sender domain\b`,  // chkuser
		`\bsender(?:'s)? (?:domain|address)\b.*\bmx record`,
	)
)

func anyOf(alternatives ...string) *regexp.Regexp {
	return regexp.MustCompile(strings.Join(alternatives, "|"))
}

// plainText returns the text of a reply as the rules match it: in lower case, with single spaces, and without mail
// addresses, whose words mean nothing.
func plainText(r probes.Reply) string {
	return strings.Join(strings.Fields(mailAddress.ReplaceAllString(strings.ToLower(r.Text), " ")), " ")
}
