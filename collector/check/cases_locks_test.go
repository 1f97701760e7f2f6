package check_test

import (
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// Controls as they are planned.
var (
	withoutCertificate = probes.Control{
		Kind: probes.ControlNoCertificate, MailFrom: "o365@contoso.com", Recipient: "control@example.com",
		Connector: "From on-premises",
	}
	selfSignedCertificate = probes.Control{
		Kind: probes.ControlSelfSigned, MailFrom: "o365@contoso.com", Recipient: "control@example.com",
		Certificate: "*.contoso.com", Connector: "From on-premises",
	}
	inClearText = probes.Control{
		Kind: probes.ControlClearText, MailFrom: "o365@fabrikam.com", Recipient: "postmaster@contoso.com",
		MustRefuse: probes.RefuseClearText, Connector: "From fabrikam",
	}
	restricted = probes.Control{
		Kind: probes.ControlNoCertificate, MailFrom: "o365@fabrikam.com", Recipient: "postmaster@contoso.com",
		MustRefuse: probes.RefuseRestriction, Connector: "From fabrikam",
	}
	spoofed = probes.Control{
		Kind: probes.ControlSpoofedDomain, MailFrom: "o365@contoso.com", Recipient: "postmaster@contoso.com",
		MustRefuse: probes.RefuseDirectSend, Uncertain: "the step is not documented",
	}
	relaying = probes.Control{Kind: probes.ControlForeignRecipient, Recipient: "control@example.com"}
)

// tried adds the result of a control: refused at RCPT TO, or admitted if reply is 250.
func tried(p *check.Path, c probes.Control, address string, reply probes.Reply) {
	r := probes.ControlResult{Control: c, Host: p.Endpoints[0].Host, Address: address, At: noon}
	step := probes.NewStep("", "")
	if reply.Code != 250 {
		step = probes.NewStep(probes.ReasonTenantAttribution, "")
	}
	step.Reply = reply
	r.Judge(probes.Recipient, step)
	p.ControlResults = append(p.ControlResults, r)
}

var (
	admitted    = probes.Reply{Code: 250, Enhanced: "2.1.5", Text: "Recipient OK"}
	relayDenied = probes.Reply{Code: 550, Enhanced: "5.7.64", Text: "TenantAttribution; Relay Access Denied"}
)

const outside = "20.30.40.50"

var lockCases = []testCase{
	{
		"lock_open", "relays without a certificate, and is known to refuse at RCPT TO",
		func(w *world) {
			tried(w.inPath, withoutCertificate, "", admitted)
			tried(w.inPath, relaying, "", relayDenied)
		},
		"critical",
		"no_certificate: contoso-com.mail.protection.outlook.com admitted TLS without a client certificate, MAIL FROM " +
			"o***@contoso.com, RCPT TO c***@example.com, on 2026-11-24 12:00 UTC, with “250 2.1.5 Recipient OK”. To relay, " +
			"connector \"From on-premises\" requires its certificate (550 5.7.64).",
	},
	{
		"lock_open", "relays without a certificate, and the step of the refusal was never seen",
		func(w *world) { tried(w.inPath, withoutCertificate, "", admitted) },
		"warning uncertain", "with “250 2.1.5 Recipient OK”",
	},
	{
		"lock_open", "a self-signed certificate is enough",
		func(w *world) {
			tried(w.inPath, withoutCertificate, "", relayDenied)
			tried(w.inPath, selfSignedCertificate, "", admitted)
		},
		"critical", "a self-signed client certificate with the connector's name",
	},
	{
		"lock_open", "each control is refused",
		func(w *world) {
			tried(w.inPath, withoutCertificate, "", relayDenied)
			tried(w.inPath, selfSignedCertificate, "", relayDenied)
			tried(w.inPath, relaying, "", relayDenied)
		},
		"", "",
	},
	{
		"lock_open", "clear text where a partner must use TLS",
		func(w *world) { tried(w.inPath, inClearText, "", admitted) },
		"critical", "RequireTls of connector \"From fabrikam\" must refuse it (454 4.7.0).",
	},
	{
		"lock_open", "a restriction that is not enforced",
		func(w *world) { tried(w.inPath, restricted, "", admitted) },
		"warning uncertain", "The restriction of connector \"From fabrikam\" must refuse it (550 5.7.51).",
	},
	{
		"lock_open", "the null sender relays",
		func(w *world) {
			tried(w.inPath, withoutCertificate, "", relayDenied)
			tried(w.inPath, relaying, "", admitted)
		},
		"critical", "MAIL FROM <>, RCPT TO c***@example.com",
	},
	{
		"lock_open", "Direct Send may be refused later",
		func(w *world) { tried(w.inPath, spoofed, "", admitted) },
		"info uncertain", "RejectDirectSend must refuse it (550 5.7.68).",
	},
	{
		"lock_open", "this host's address may be listed",
		func(w *world) {
			c := withoutCertificate
			c.Uncertain = "this host may be listed"
			tried(w.inPath, c, "", admitted)
		},
		"info uncertain", "",
	},
	{
		"lock_open", "greylisted: neither open nor locked",
		func(w *world) {
			r := probes.ControlResult{Control: relaying, Host: "mail.contoso.com", Address: outside, At: noon}
			r.Judge(probes.Recipient, probes.NewStep(probes.ReasonTemporaryRejection, ""))
			w.path.ControlResults = []probes.ControlResult{r}
		},
		"", "",
	},
	{
		"lock_open", "an open relay",
		func(w *world) { tried(w.path, relaying, outside, admitted) },
		"critical", "mail.contoso.com (20.30.40.50) admitted a recipient of another organization",
	},
	{
		"lock_open", "an own server that relays for its own network",
		func(w *world) { tried(w.path, relaying, "10.1.2.3", admitted) },
		"info uncertain", "A server must not relay for everyone.",
	},
	{
		"lock_open", "a connector that is disabled",
		func(w *world) {
			w.path.NotProbed = "the connector is disabled"
			tried(w.path, relaying, outside, admitted)
		},
		"", "",
	},
	{
		"state_file_unusable", "negative controls need it too",
		func(w *world) {
			w.StateFileError, w.path.Controls = "no space left on device", []probes.Control{relaying}
		},
		"warning", "no space left on device. Paths: contoso › To on-premises › mail.contoso.com (outbound).",
	},
}
