package smtpprobe

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// Replies of servers, at the stage at which they are sent: the reason, and a word of its remedy.
var situations = []struct {
	name   string
	say    []string // verb and reply, one after the other; "greet" for the greeting
	port   uint16   // if the path has another than the server
	stage  probes.Stage
	reason probes.Reason // "" if the endpoint passes
	remedy []string      // words of it
}{
	// The server speaks of its own state.
	{
		"back pressure at MAIL",
		[]string{"MAIL", "452 4.3.1 Insufficient system resources"},
		0, probes.Recipient,
		probes.ReasonServerUnavailable,
		[]string{"disk", "memory", "back pressure"},
	},
	{
		"Postfix with a full disk",
		[]string{"MAIL", "452 4.3.1 Insufficient system storage"},
		0, probes.Recipient,
		probes.ReasonServerUnavailable,
		[]string{"disk"},
	},
	{
		"an inactive component at the greeting",
		[]string{"greet", "421 4.3.2 Service not active"},
		0, probes.EHLO,
		probes.ReasonServerUnavailable,
		[]string{"Get-ServerComponentState", "maintenance mode"},
	},
	{
		"an inactive component at MAIL",
		[]string{"MAIL", "421 4.3.2 Service not available"},
		0, probes.Recipient,
		probes.ReasonServerUnavailable,
		[]string{"Get-ServerComponentState", "maintenance mode"},
	},
	{
		"a limit of connections", []string{"greet", "421 4.3.2 The maximum number of concurrent server connections has " +
			"exceeded a limit, closing transmission channel"}, 0, probes.EHLO, probes.ReasonThrottled, []string{"limits"},
	},
	{
		"PRX5",
		[]string{"RCPT", "451 4.7.0 Temporary server error. Please try again later. PRX5"},
		0, probes.Recipient,
		probes.ReasonServerUnavailable,
		[]string{"DNS", "transport services on the server itself"},
	},
	{
		"a failed look-up",
		[]string{"RCPT", "451 4.3.0 Temporary lookup failure"},
		0, probes.Recipient,
		probes.ReasonServerUnavailable,
		[]string{"map", "configuration"},
	},
	{
		"a full mailbox",
		[]string{"RCPT", "452 4.2.2 Mailbox full"},
		0, probes.Recipient, probes.ReasonMailboxFull,
		[]string{"Empty", "mailbox"},
	},
	// The refusal means this host.
	{
		"the own domain from outside",
		[]string{"MAIL", "550 5.7.1 Client does not have permissions to send as this sender"},
		0, probes.Recipient,
		probes.ReasonProberRejected,
		[]string{"probe.mail_from", "another domain", "exempt"},
	},
	{
		"anti-spoofing at RCPT",
		[]string{"RCPT", "550 Anti-Spoofing policy - Inbound not allowed"},
		0, probes.Recipient,
		probes.ReasonProberRejected,
		[]string{"probe.mail_from"},
	},
	{
		"an invalid name in EHLO",
		[]string{"EHLO", "501 5.5.4 Invalid domain name"},
		0, probes.EHLO,
		probes.ReasonProberRejected,
		[]string{"hello_name"},
	},
	{
		"an EHLO without a valid address",
		[]string{"EHLO", "501 EHLO requires valid address"},
		0, probes.EHLO,
		probes.ReasonProberRejected,
		[]string{"hello_name"},
	},
	{
		"a policy at the greeting",
		[]string{"greet", "550 5.7.1 Connection refused: only Office 365 may connect"},
		0,
		probes.EHLO, probes.ReasonProberRejected,
		[]string{"address", "Permit"},
	},
	{
		"a greeting of two lines",
		[]string{"greet", "554-mail.test|554 IP=192.0.2.1 - A problem occurred. (BL)"},
		0,
		probes.EHLO, probes.ReasonProberRejected,
		[]string{"address"},
	},
	{
		"a host that takes no mail at all",
		[]string{"greet", "521 mail.test does not accept mail"},
		0, probes.EHLO,
		probes.ReasonGreetingRejected, nil,
	},
	{
		"a blocklist with 421",
		[]string{"greet", "421 4.7.0 [192.0.2.1] blocked using zen.spamhaus.org"},
		0, probes.EHLO,
		probes.ReasonProberRejected,
		[]string{"Waiting does not help", "list"},
	},
	{
		"no reverse DNS with 450",
		[]string{"RCPT", "450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]"},
		0, probes.Recipient,
		probes.ReasonProberRejected,
		[]string{"PTR", "Waiting does not help"},
	},
	{
		"an unknown domain of the sender with 450",
		[]string{"RCPT", "450 4.1.8 <from@contoso.com>: Sender address rejected: Domain not found"},
		0, probes.Recipient,
		probes.ReasonProberRejected,
		[]string{"domain of `probe.mail_from`", "Waiting does not help"},
	},
	{
		"IPv6",
		[]string{"RCPT", "550 5.7.1 Unable to accept unauthorized message over IPv6 ATTR2"},
		0, probes.Recipient,
		probes.ReasonProberRejected,
		[]string{"ip4"},
	},
	// What an expert would do.
	{
		"a masked greeting",
		[]string{"greet", "220 *************************", "EHLO", "250-mail.test|250-SIZE 1|250 XXXXXXXA"},
		0, probes.TLSStage, probes.ReasonSTARTTLSNotOffered,
		[]string{"inspect esmtp", "allow-tls"},
	},
	{
		"a masked STARTTLS",
		[]string{"STARTTLS", `500 5.5.1 Command unrecognized: "XXXXXXXX"`},
		0, probes.TLSStage,
		probes.ReasonSTARTTLSRejected,
		[]string{"inspect esmtp"},
	},
	{
		"authentication required",
		[]string{"MAIL", "530 5.7.1 Client was not authenticated"},
		0, probes.Recipient,
		probes.ReasonAuthenticationRequired,
		[]string{"anonymous", "submission port"},
	},
	{
		"authentication required on the submission port",
		[]string{"MAIL", "530 SMTP authentication is required"},
		587,
		probes.Recipient, probes.ReasonAuthenticationRequired,
		[]string{"probe.port", "25"},
	},
	{
		"Exchange authentication",
		[]string{"MAIL", "451 5.7.3 Cannot achieve Exchange Server authentication"},
		0,
		probes.Recipient, probes.ReasonAuthenticationRequired,
		[]string{"receive connector"},
	},
	{
		"TLS required",
		[]string{"MAIL", "530 5.7.0 Must issue a STARTTLS command first"},
		0, probes.Recipient,
		probes.ReasonTLSRequired,
		[]string{"STARTTLS", "TlsSettings"},
	},
	{
		"a certificate that the server does not trust",
		[]string{"MAIL", "454 4.7.5 Certificate validation failure, Reason:UntrustedRoot"},
		0, probes.Recipient,
		probes.ReasonClientCertificateUntrusted,
		[]string{"server's trusted roots"},
	},
	{
		"a limit of TLS handshakes",
		[]string{"STARTTLS", "454 4.7.0 Cannot accept TLS as maximum TLS rate exceeded for server"},
		0, probes.TLSStage, probes.ReasonThrottled,
		[]string{"TLS"},
	},
	{
		"old TLS by a reply",
		[]string{"TLS EHLO", "421 4.7.66 TLS 1.0 and 1.1 are not supported"},
		0, probes.TLSStage,
		probes.ReasonTLSVersion,
		[]string{"TLS 1.2"},
	},
	// Small things.
	{"closed at RSET", []string{"RSET", ""}, 0, probes.Recipient, "", nil},
	{"421 at RSET", []string{"RSET", "421 4.4.2 idle"}, 0, probes.Recipient, "", nil},
	{
		"no connector matched",
		[]string{"RCPT", "550 5.7.1 Relay Access Denied ATTR36"},
		0, probes.Recipient,
		probes.ReasonTenantAttribution,
		[]string{"TlsSenderCertificateName"},
	},
	{
		"qmail's rcpthosts",
		[]string{"RCPT", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"},
		0, probes.Recipient,
		probes.ReasonRelayDenied, nil,
	},
	{
		"qmail's unknown recipient",
		[]string{"RCPT", "550 sorry, no mailbox here by that name. (#5.1.1)"},
		0,
		probes.Recipient, probes.ReasonRecipientUnknown, nil,
	},
	{
		"too many recipients, with one",
		[]string{"RCPT", "452 4.5.3 Too many recipients"},
		0, probes.Recipient,
		probes.ReasonTemporaryRejection, nil,
	},
}

func TestSituations(t *testing.T) {
	ca := certtest.New(t)
	good := healthy(certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter))
	for _, tt := range situations {
		t.Run(tt.name, func(t *testing.T) {
			server := good
			for say := range slices.Chunk(tt.say, 2) {
				reply := say[1]
				if reply != "" {
					reply = wireLines(reply)
				}
				if say[0] == "greet" {
					server.greet = reply
				} else {
					server = server.with(say[0], reply)
				}
			}
			at, _ := serve(t, server)
			p := testPath(at, probes.Recipient, mailflow.DomainValidation)
			p.OwnSender = true
			w := testProber(ca.Roots)
			if tt.port != 0 {
				throughPort(w, at)
				p.Settings.Port = tt.port
			}
			ep := probeOne(t, w, p)
			stage, step, problem := ep.FirstProblem()
			if problem != (tt.reason != "") || problem && (stage != tt.stage || step.Reason != tt.reason) {
				t.Fatalf("%v %+v, want %v %s\n%v", stage, step, tt.stage, tt.reason, ep.Transcript)
			}
			for _, words := range tt.remedy {
				if !strings.Contains(step.Remedy(), words) {
					t.Errorf("%s %q: the remedy does not speak of %q: %s", step.Reason, step.Evidence, words, step.Remedy())
				}
			}
		})
	}
}

// A server that takes one recipient in a transaction is asked for the others in transactions of their own.
func TestOneRecipientInEachTransaction(t *testing.T) {
	for _, tt := range []struct {
		name   string
		third  string
		reason probes.Reason
	}{
		{"all accepted", "250 2.1.5 ok", ""},
		{"one unknown", "550 5.1.1 User unknown", probes.ReasonRecipientUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			taken := 0
			server := healthy(nil).with("EHLO", "250 mail.test\r\n")
			server.reply = func(line string) string {
				switch {
				case strings.HasPrefix(line, "MAIL"):
					taken = 0
				case !strings.HasPrefix(line, "RCPT"):
				case taken > 0:
					return "452 4.5.3 Error: too many recipients\r\n"
				case strings.Contains(line, "third@"):
					return tt.third + "\r\n"
				default:
					taken++
				}
				return ""
			}
			at, heard := serve(t, server)
			p := testPath(at, probes.Recipient, mailflow.Opportunistic)
			p.Recipients = []string{"first@contoso.com", "second@contoso.com", "third@contoso.com"}
			ep := probeOne(t, testProber(nil), p)
			if step := ep.Steps[probes.Recipient]; step.Reason != tt.reason {
				t.Errorf("%+v\n%v", step, ep.Transcript)
			}
			if n := strings.Count(strings.Join(heard(), "\n"), "MAIL FROM"); n != 3 {
				t.Errorf("%d transactions, want 3", n)
			}
		})
	}
}

// A smart host in U-labels is compared, and sent in SNI, in A-labels.
func TestInternationalSmartHost(t *testing.T) {
	const ascii = "xn--mller-kva.example"
	ca := certtest.New(t)
	config := certtest.ServerConfig(ca.Leaf(t, ascii), ca.Inter)
	names := sniOf(config)
	at, _ := serve(t, healthy(config))
	p := testPath(at, probes.TLSStage, mailflow.DomainValidation)
	p.NextHop, p.TLSDomain = "müller.example", "müller.example"
	ep := probeOne(t, testProber(ca.Roots), p)
	if step := ep.Steps[probes.TLSStage]; step.Outcome != probes.Passed {
		t.Errorf("%+v", step)
	}
	if got := names(); !slices.Equal(got, []string{ascii}) {
		t.Errorf("SNI %q, want %q", got, ascii)
	}
}

func TestIPv6RefusedBesideIPv4(t *testing.T) {
	endpoint := func(host, addr string, reason probes.Reason) probes.Endpoint {
		e := probes.Endpoint{Host: host, Addr: netip.MustParseAddrPort(addr)}
		e.Steps[probes.Connect] = probes.NewStep(reason, "")
		return e
	}
	endpoints := []probes.Endpoint{
		endpoint("both.test", "192.0.2.1:25", ""),
		endpoint("both.test", "[2001:db8::1]:25", probes.ReasonConnectRefused),
		endpoint("six.test", "[2001:db8::2]:25", probes.ReasonConnectRefused),
		endpoint("down.test", "192.0.2.3:25", probes.ReasonConnectTimeout),
		endpoint("down.test", "[2001:db8::3]:25", probes.ReasonConnectTimeout),
	}
	noteRefusedIPv6(endpoints)
	for i, e := range endpoints {
		want := probes.Evidence("")
		if i == 1 {
			want = probes.EvidenceIPv6Refused
		}
		if got := e.Steps[probes.Connect].Evidence; got != want {
			t.Errorf("%s %s: evidence %q, want %q", e.Host, e.Addr, got, want)
		}
	}
}
