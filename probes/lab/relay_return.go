package lab

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"github.com/emersion/go-smtp"
)

// giveBack returns a message to its sender with a delivery status notification (RFC 3464). Its own sender is empty, so
// it is never returned itself.
func (r *relay) giveBack(m relayed, d Delivery) {
	notification := relayed{
		decision: Decision{Tenant: m.decision.Tenant, To: m.from}, to: m.from, origin: hosted,
		body: r.notification(m, d), notification: true,
	}
	_ = r.enqueue(notification) // a full queue loses it
}

// notification returns the text of a delivery status notification, with the parts that Exchange Online sends.
func (r *relay) notification(m relayed, d Delivery) []byte {
	reply := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 0, 0}, Message: d.Err.Error()}
	_ = errors.As(d.Err, &reply) // otherwise it is as above
	t := r.tenant(m.decision.Tenant)
	status := fmt.Sprintf("%d.%d.%d", reply.EnhancedCode[0], reply.EnhancedCode[1], reply.EnhancedCode[2])
	header, id := headerOf(m.body)
	boundary := rand.Text()
	agent := "dns;" + hub
	remote := ""
	if d.Host != "" {
		remote = "Remote-MTA: dns;" + d.Host + "\r\n"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@%s.onmicrosoft.com>\r\n"+
		"To: <%s>\r\nSubject: Undeliverable: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n"+
		"Auto-Submitted: auto-replied\r\nX-MS-Exchange-Message-Is-Ndr:\r\n", t.Name, m.from, subjectOf(m.body),
		dateOf(r.options.Now()), strings.ToLower(rand.Text()), hub)
	if id != "" {
		fmt.Fprintf(&b, "In-Reply-To: %[1]s\r\nReferences: %[1]s\r\n", id)
	}
	fmt.Fprintf(&b, "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n"+
		"\tboundary=\"%[1]s\"\r\n\r\n--%[1]s\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n\r\n"+
		"Your message to %[2]s couldn't be delivered.\r\n\r\n%[3]s %[4]s\r\n", boundary, m.to, status, reply.Message)
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: %s\r\n"+
		"Received-From-MTA: dns;%s\r\nArrival-Date: %s\r\n\r\nFinal-Recipient: rfc822;%s\r\nAction: failed\r\n"+
		"Status: %s\r\nDiagnostic-Code: smtp;%d %s %s\r\n%s", boundary, agent, m.helo, dateOf(r.options.Now()), m.to,
		status, reply.Code, status, reply.Message, remote)
	fmt.Fprintf(&b, "\r\n--%[1]s\r\nContent-Type: message/rfc822\r\n\r\n%[2]s\r\n--%[1]s--\r\n", boundary, header)
	return b.Bytes()
}

// headerOf returns the header of a message and its Message-ID.
func headerOf(message []byte) (header []byte, id string) {
	header, _, _ = bytes.Cut(message, []byte("\r\n\r\n"))
	if parsed, err := mail.ReadMessage(bytes.NewReader(message)); err == nil {
		id = parsed.Header.Get("Message-Id")
	}
	return append(bytes.Clone(header), "\r\n"...), id
}

func subjectOf(message []byte) string {
	parsed, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return ""
	}
	return parsed.Header.Get("Subject")
}
