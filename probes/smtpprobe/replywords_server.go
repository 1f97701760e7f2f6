package smtpprobe

// The words of refusals because of the server's rules, its state, or a sender or recipient: see replywords.go.
var (
	relayWords = anyOf(
		`\bunable to relay\b`,
		`\brelay(?:ing)?(?: access)?(?: is)? (?:denied|prohibited|rejected|forbidden|disallowed)\b`,
		`\brelay(?:ing)?(?: access)?(?: is)? not (?:permitted|allowed|supported)\b`,
		`\bnot (?:permitted|allowed) to relay\b`,
		`\b(?:we|i) (?:do not|don't) relay\b`,
		`\brelaying to (?:\S+ )?(?:denied|prohibited)\b`,
		`\brelay (?:for|to) (?:\S+ )?(?:denied|not permitted|not allowed)\b`,
		`\brcpthosts\b`,
		`\bas a relay\b`,
		`\binsecure mail relay\b`,
		`\b(?:invalid credentials for relay)\b`,
		`\bnot (?:a )?local (?:domain|recipient|host)\b`,
		`\bthis is not (?:an )?open relay\b`,
		`\bhost not local\b`,
		`\bno relay(?:ing)?\b`,
		`\bdelivery is not allowed to this address\b`, // hMailServer
		`\bi cannot deliver mail for\b`,               // Haraka
		`\bto a non-local e-?mail address\b`,          // MailEnable
		`\b(?:does not|doesn't|will not|won't) relay\b`,
		`\b(?:required|needed) (?:for|to) relay(?:ing)?\b`, // SmarterMail
	)

	// attributionWords are the codes that Exchange Online adds when no connector matched.
	attributionWords        = anyOf(`\brelay\b.*\battr\d`, `\btenant ?(?:inbound)? ?attribution\b`)
	attributionFailureWords = anyOf(`\battr\d`)

	oldTLSWords = anyOf(
		`\btls 1\.0 and (?:tls )?1\.1 are not supported\b`,
		`\brequires tls (?:version )?1\.[23]\b`,
		`\btls (?:version )?1\.2 or (?:greater|higher|later|newer)\b`,
		`\b(?:unsupported|deprecated|outdated|old) tls version\b`,
	)

	authenticationWords = anyOf(
		`\bauthentication (?:is )?(?:required|needed)\b`,
		`\bauthenti(?:cation|fication) requise\b`,
		`\bauth(?:entication)? required\b`,
		`\b(?:was|is|are) not (?:authenticated|logged in)\b`,
		`^not authenticated\b`,
		`\b(?:must|please|need to|have to) (?:first )?(?:authenticate|log ?in)\b`,
		`\brequires? (?:smtp |basic )?authentication\b`,
		`\b(?:smtp[ -]?auth|authenticated (?:users|clients) only|only authenticated)\b`,
		`\bunauthenticated senders? not allowed\b`,
		`\bpermissions? to submit to this server\b`,
		`\bturn on smtp authentication\b`,
	)
	exchangeAuthenticationWords = anyOf(
		`\bexchange server authentication\b`,
		`\brequire xoorg extension\b`,
	)

	tlsWords = anyOf(
		`\b(?:must|please) issue (?:a )?starttls\b`,
		`\b(?:starttls|tls|encryption|ssl)(?:/\S+)?(?: connection| encryption)? (?:is )?(?:required|needed|mandatory)\b`,
		`\brequires? (?:the use of )?(?:starttls|tls|encryption|ssl|high-strength ciphers)\b`,
		`\btls required for rcpt domain\b`,
		`\b(?:must|need to|please) use (?:starttls|tls|encryption|ssl)\b`,
		`\bsenders to use tls\b`,
		`\b(?:without|only with|only over) (?:starttls|tls|encryption)\b`,
		`\bencrypted (?:connection|session|channel) (?:is )?(?:required|needed)\b`,
	)
	starttlsWords = anyOf(`\btls (?:is )?(?:currently |temporarily )?(?:not available|unavailable|not supported)\b`)

	accessDeniedWords = anyOf(`\baccess denied\b`)
	channelWords      = anyOf(`\btls channel\b`, `\bcertificate\b`)

	fullWords = anyOf(
		`\bmailbox(?: \S+)? (?:is |was )?(?:temporarily )?(?:full|over)\b`,
		`\b(?:full|overfull) mailbox\b`,
		`\bmailbox\b.*\b(?:exceed|would exceed|size limit)`,
		`\b(?:over|out of|exceeded|exceeds|exceeding)(?: (?:its|the|their|his|allowed|storage|mailbox|disk|disc))* ?quota\b`,
		`\boverquota\b`,
		`\b(?:disk |disc |mailbox |storage |mail |message )?quota (?:usage )?(?:has been |is )?(?:exceeded|full|violation)\b`,
		`\bquota exceed`,
		`\b(?:inbox|mailbox) is out of storage\b`,
		`\bstorage (?:limit|space|quota)\b.*\b(?:exceeded|reached|full)\b`,
		`\bboite du destinataire pleine\b`,
		`\baccount is (?:full|over quota)\b`,
		`\buser is over\b`,
		`\bexceeded storage allocation\b`,
		`\binbox (?:is )?full\b`, // hMailServer
	)

	mailboxWords = anyOf(`\b(?:mailbox|inbox|user|account)\b`)

	backEndWords = anyOf(
		`\bc?prx\d`,
		`\btemporary server error\b`,
		`\bno proxy destinations?\b`,
		`\bproxy (?:layer|session setup failed)\b`,
		`\brecipient deferred because there is no mdb\b`,
	)
	storageWords = anyOf(
		`\binsufficient (?:system |disk |main )?(?:resources?|storage|disk|memory|space)\b`,
		`\bback[ -]?pressure\b`,
		`\b(?:disk|disc|mail system|spool|queue|file ?system) (?:is )?full\b`,
		`\b(?:out of|low on|not enough|no) (?:disk|disc|memory|storage|free)(?: space)?\b`,
		`\bno space left\b`,
		`\bspace shortage\b`,
		`\bqueue file write error\b`,
		`\b(?:system )?load (?:is )?too high\b`,
	)
	// diskWords are about a disk or memory, loadWords about the load of the whole host.
	diskWords = anyOf(`\b(?:disk|disc) (?:is )?full\b`)
	loadWords = anyOf(`\btoo much load\b`, `\bload (?:average|is too high|too high)\b`)

	// serverBehindWords are about another server, which this one consults about recipients or forwards messages to.
	serverBehindWords = anyOf(
		`\bprimary target ip address responded with\b`,
		`\bback[ -]?end (?:failure|error|unavailable|timeout)\b`, // Haraka
		`\bunverified address: (?:connect to|lost connection|conversation with|delivery temporarily suspended)\b`,
		`\bunverified address: (?:mail transport unavailable|host \S+ refused)\b`,
		`\bcould not complete recipient verify\b`, // Exim
		`\bupstream error\b`, // Cloudflare Email Routing
	)

	componentWords = anyOf(
		`\bservice (?:is )?not (?:active|available)\b`,
		`\bsystem not accepting network messages\b`,
	)
	lookupWords = anyOf(
		`\b(?:temporary|temporarily) (?:lookup|look-up|dns|ldap|database|directory)(?: lookup)? (?:failure|error|problem)\b`,
		`\btemporary local problem\b`,
		`\b(?:server|local|mail system|network|system) (?:configuration|config) (?:error|problem)\b`,
		`\bsystem incorrectly configured\b`,
		`\bldap\b.*\b(?:fail|unable|unavailable|error|down)`,
		`\bunable to contact (?:ldap|database|directory)\b`,
		`\bdns (?:temporary failure|query failed)\b`,
		`\b(?:verification|validation|lookup)\b.*\b(?:not responding|unavailable|timed? ?out|failed temporarily)\b`,
		`\bserver is misconfigured\b`,
		`\bunable to fetch attribution data\b`,
		`\bhost name lookup failure\b`,              // Sendmail
		`\bservice unavailable - try again later\b`, // Postfix, for a milter that does not answer
		`\bscanner (?:is )?(?:unavailable|not available)\b`,
		`\b(?:virus[ _-]?scan(?:ners?)?|all virus scanners) failed\b`, // amavisd
	)
	// stateWords are about the server as a whole.
	stateWords = anyOf(
		`\btemporary (?:server|system|local) (?:error|failure|problem)\b`,
		`\blocal error in processing\b`,
		`\binternal (?:server )?error\b`,
		`\b(?:unexpected|temporary)(?: log)? failure, please try later\b`,
		`\b(?:esmtp|server|system|host) (?:is )?(?:currently )?not accepting (?:messages|mail|connections)\b`,
		`\bshutting down\b`,
		`\bserver (?:is )?(?:going down|temporarily (?:un|not )available|unavailable)\b`,
		`\b(?:down for|in|under|undergoing) maintenance\b`,
		`\bqq (?:temporary problem|write error|crashed|out of memory|trouble)`,
		`\bservice (?:is )?(?:currently |temporarily )?(?:unavailable|down)\b.*\b(?:system outage|maintenance)\b`,
		`\btemporary error\b`,
		`\bio error\b`,
		`\baccount service is temporarily unavailable\b`, // Mimecast
	)

	senderWords = anyOf(
		`\bsender (?:email )?(?:address )?(?:is )?(?:rejected|denied|refused|blocked|invalid|not accepted)\b`,
		`\binvalid sender\b`,
		`\bsender verif(?:y|ication) failed\b`,
		`\bverification failed for\b`,
		`\b(?:domain of )?sender(?:'s)? (?:address |domain )?(?:\S+ )?does not (?:exist|resolve)\b`,
		`\b(?:bad|blocked)?mailfrom list\b`,
		`\bfrom: domain is invalid\b`,
		`\bunroutable sender\b`,
		`\bsender envelope domain not allowed\b`,
		`\byour (?:email address|domain) has been (?:blocked|blacklisted)\b`,
		`\bemetteur invalide\b`,
		`\benvelope blocked\b`, // Mimecast
		`\bsender address has invalid format\b`,
		senderMXWords.String(),
	)

	tableWords = anyOf(`\b(?:user unknown|unknown user) in \S+(?: \S+){0,3} table\b`)

	unknownWords = anyOf(
		`\buser unknown\b`,
		`\bunknown (?:user|recipient|mailbox|address|local[ -]part|or illegal alias)\b`,
		`\b(?:user|recipient|mailbox|address) (?:\S+ )?unknown\b`,
		`\bno such (?:user|recipient|mailbox|address|person|account)\b`,
		`\b(?:user|recipient|mailbox|account|address|rcpt) (?:\S+ )?(?:(?:does not|doesn't|dosn't|not) exist)\b`,
		`\b(?:user|recipient|mailbox|account|address|rcpt) (?:\S+ )?(?:(?:was )?not found|not known|unavailable)\b`,
		`\b(?:invalid|non-?existent|nonexistent) (?:recipient|user|mailbox)\b`,
		`\bno (?:mailbox|account|mail box)(?: here)? (?:here )?by that name\b`,
		`\bno mailbox (?:here|found|available)\b`,
		`\bnot a (?:valid|known|local) (?:recipient|mailbox|user)\b`,
		`\bthis user doesn't have an? \S+ account\b`,
		`\bdoesn't have an? account\b`,
		`\bmailbox is not allowed\b`,
		`\bno one at this address\b`,
		`\bnot (?:present|listed) in (?:the )?directory\b`,
		`\bnot listed in (?:the )?(?:domino|public) (?:directory|(?:name & )?address book)\b`,
		`\brecipient not in route list\b`, // hMailServer
		`\bunknown here\b`,
		`\b(?:recipient|user) not (?:here|on this server|local)\b`,
		`\bun-?route?able address\b`, // Exim
	)

	// foreignDomainWords are about a domain of the recipient that the server does not accept.
	foreignDomainWords = anyOf(
		`\bno such domain\b`,
		`\bdomain (?:(?:is )?not|isn't) (?:hosted|configured|served|handled)\b`,
		`\b(?:do not|don't) (?:handle|host|accept) mail for\b`,
	)

	restrictedRecipientWords = anyOf(`\bresolver\.rst\.\w*auth`)

	sizeWords = anyOf(
		`\b(?:message|mail|email|maximum) size\b.*\b(?:exceed|too (?:big|large))`,
		`\b(?:message|mail|email|size=message) (?:is )?too (?:big|large)\b`,
	)

	contentWords = anyOf(`\b(?:spam|virus|illegal attachment|content|policy)\b`)

	certificateWords = anyOf(
		`\b(?:client|peer) cert(?:ificate)?\b`,
		`\bno (?:tls )?cert(?:ificate)? (?:was )?(?:presented|sent|provided|given)\b`,
		`\bcert(?:ificate)? (?:is )?required\b`,
	)
)
