package lab

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"time"
)

// Names of the two servers of the fake Exchange Online that a message passes, and the address of the second.
const (
	frontEnd = "AM2PEPF0001C70D.mail.protection.lab.example"
	hub      = "AM0PR10MB0001.eurprd10.prod.lab.example"
)

// field is a header field.
type field struct{ name, value string }

// stamp returns a message with the header fields of Exchange Online. Which of them it has depends on where the message
// came from and whether it leaves to the outside:
//
//   - mail relayed for an organization's own server has the tenant, the connecting address and HELO in
//     OriginalAttributedTenantConnectingIp, AuthAs Anonymous and FromEntityHeader HybridOnPrem;
//   - mail from a mailbox has AuthAs Internal and FromEntityHeader Hosted;
//   - mail in a mailbox has X-MS-Exchange-Organization fields, which do not leave.
//
// The names and values are those of public mail; what has not been seen there is left out.
func (r *relay) stamp(m relayed, f RelayFault, outside bool) []byte {
	t := r.tenant(m.decision.Tenant)
	id, address := t.ID, m.address
	if f.Tenant != "" {
		id = f.Tenant
	}
	if f.Address.IsValid() {
		address = f.Address
	}
	fields := r.received(m, address)
	fields = append(fields, verdicts(m, address, f.Spam, outside)...)
	fields = append(fields, crossTenant(m, t, id, address, r.options.LowerCase)...)
	if !outside {
		fields = append(fields,
			field{"X-EOPTenantAttributedMessage", id + ":0"},
			field{"X-MS-Exchange-Organization-AuthAs", authAs(m)},
			field{"X-MS-Exchange-Organization-AuthSource", frontEnd},
			field{"X-MS-Exchange-Organization-MessageDirectionality", direction(m)})
	}
	var b bytes.Buffer
	for _, f := range fields {
		name := f.name
		if r.options.LowerCase {
			name = strings.ToLower(name)
		}
		fmt.Fprintf(&b, "%s: %s\r\n", name, fold(f.value))
	}
	b.Write(m.body)
	return b.Bytes()
}

// received returns the fields of both hops, the newest first, each by its own clock.
func (r *relay) received(m relayed, address netip.Addr) []field {
	at := func(hop int) string {
		return r.options.Now().Add(r.options.Skew[hop]).UTC().Format("Mon, 2 Jan 2006 15:04:05 -0700")
	}
	const protocol = "with Microsoft SMTP Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.9611.8"
	if m.origin == hosted {
		return []field{{"Received", fmt.Sprintf("from %s ([fe80::1]) by %s ([fe80::2%%7]) with mapi id 15.20.9611.8; %s",
			hub, hub, at(1))}}
	}
	encrypted := "with Microsoft SMTP Server id 15.20.9611.8"
	if m.tls != nil {
		encrypted = fmt.Sprintf("with Microsoft SMTP Server (version=%s, cipher=%s) id 15.20.9611.8",
			strings.ReplaceAll(strings.ReplaceAll(tls.VersionName(m.tls.Version), "TLS ", "TLS"), ".", "_"),
			tls.CipherSuiteName(m.tls.CipherSuite))
	}
	return []field{
		{"Received", fmt.Sprintf("from %s (2603:10a6:20b:4d0:cafe::d4) by %s (2603:10a6:20b:4d0::10) %s; %s",
			frontEnd, hub, protocol, at(1))},
		{"Received", fmt.Sprintf("from %s (%s) by %s (10.167.16.201) %s via Frontend Transport; %s",
			m.helo, address, frontEnd, encrypted, at(0))},
	}
}

// verdicts returns the verdicts of the spam filter and of the authentication of the sender.
func verdicts(m relayed, address netip.Addr, spam, outside bool) []field {
	scl, filter, way, pool := 1, "NSPM", "INB", 1102
	if spam {
		scl, filter = 5, "SPM"
	}
	if outside {
		way, pool = "OUT", 1101
	}
	if m.origin == hosted {
		return []field{{"X-Forefront-Antispam-Report", fmt.Sprintf(
			"CIP:255.255.255.255;CTRY:;LANG:en;SCL:%d;SRV:;IPV:NLI;SFV:%s;H:%s;PTR:;CAT:NONE;SFS:(13230040);DIR:%s;SFP:%d;",
			scl, filter, hub, way, pool)}}
	}
	return []field{
		{"ARC-Authentication-Results", fmt.Sprintf("i=1; mx.microsoft.com 1; spf=fail (sender ip is %s) "+
			"smtp.rcpttodomain=%s smtp.mailfrom=%s; dmarc=fail (p=none sp=none pct=100) action=none header.from=%s; "+
			"dkim=none (message not signed); arc=none (0)", address, domainOf(m.to), domainOf(m.from), domainOf(m.from))},
		{"X-EOPAttributedMessage", "0"},
		{"X-Forefront-Antispam-Report", fmt.Sprintf(
			"CIP:%s;CTRY:;LANG:en;SCL:%d;SRV:;IPV:NLI;SFV:%s;H:%s;PTR:InfoDomainNonexistent;CAT:NONE;"+
				"SFS:(13230040);DIR:%s;SFP:%d;", address, scl, filter, m.helo, way, pool)},
	}
}

// crossTenant returns which tenant the message is attributed to and why.
func crossTenant(m relayed, t FakeTenant, id string, address netip.Addr, spaced bool) []field {
	originator := ""
	if len(t.Domains) > 0 {
		originator = t.Domains[0]
	}
	fields := []field{
		{"X-OriginatorOrg", originator},
		{"X-MS-Exchange-CrossTenant-Id", id},
		{"X-MS-Exchange-CrossTenant-AuthSource", frontEnd},
		{"X-MS-Exchange-CrossTenant-AuthAs", authAs(m)},
		{"X-MS-Exchange-CrossTenant-FromEntityHeader", m.origin},
	}
	if m.origin == hybridOnPrem {
		between := ";"
		if spaced { // both were seen
			between = "; "
		}
		fields = append(fields, field{
			"X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp",
			strings.Join([]string{"TenantId=" + id, "Ip=[" + address.String() + "]", "Helo=[" + m.helo + "]"}, between),
		})
	}
	return fields
}

func authAs(m relayed) string {
	if m.origin == hosted {
		return "Internal"
	}
	return "Anonymous"
}

func direction(m relayed) string {
	if m.origin == internet {
		return "Incoming"
	}
	return "Originating"
}

// fold folds a value at spaces after column 70, as mail servers do.
func fold(value string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Split(value, " ") {
		switch {
		case i == 0:
		case column+len(word) > 70:
			b.WriteString("\r\n ")
			column = 0
		default:
			b.WriteByte(' ')
		}
		b.WriteString(word)
		column += len(word) + 1
	}
	return b.String()
}

// receivedFields returns how many Received fields a message has.
func receivedFields(message []byte) int {
	parsed, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return 0
	}
	return len(parsed.Header["Received"])
}

// dateOf formats a time for the field Date.
func dateOf(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700") }
