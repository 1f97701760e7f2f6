package roundtrip

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
)

// DSN is a delivery status notification (RFC 3464), in which a server reports the fate of a message. Texts are those of
// the server: sanitise them before display.
type DSN struct {
	ReportingServer string // Reporting-MTA, without its type
	Action          string // "failed", "delayed", "delivered", "relayed" or "expanded"
	Status          string // enhanced code, such as "5.7.64"
	Diagnostic      string // the reply of RemoteServer, such as "550 5.7.64 TenantAttribution; Relay Access Denied"
	RemoteServer    string // Remote-MTA
	Recipient       string // Final-Recipient

	// Original is the header of the reported message, as far as the notification quotes it.
	Original message.Header `json:"-"`
}

// Returned reports whether the message will not be delivered.
func (d *DSN) Returned() bool { return strings.EqualFold(d.Action, "failed") }

// Text returns the code and the reply. A diagnostic usually contains the code already.
func (d *DSN) Text() string {
	if strings.Contains(d.Diagnostic, d.Status) {
		return d.Diagnostic
	}
	return strings.TrimSpace(d.Status + " " + d.Diagnostic)
}

// Bounds of a notification.
const (
	maxDSNParts  = 20
	maxDSNFields = 64 << 10 // bytes of the status part, and of the quoted header
)

// ErrNoDSN is the error for a message that is not a delivery status notification.
var ErrNoDSN = errors.New("the message has no part of type message/delivery-status")

// ReadDSN reads a delivery status notification. If there are several recipients, it returns the one with the most
// serious action.
func ReadDSN(entity *message.Entity) (*DSN, error) {
	r := dsnReader{left: maxDSNParts}
	r.read(entity)
	if !r.found {
		return nil, ErrNoDSN
	}
	return &r.dsn, nil
}

type dsnReader struct {
	dsn   DSN
	found bool
	left  int // parts that may still be read
}

// read reads a part and the parts in it.
func (r *dsnReader) read(entity *message.Entity) {
	if r.left--; r.left < 0 {
		return
	}
	kind, _, _ := entity.Header.ContentType()
	switch kind {
	case "message/delivery-status", "message/global-delivery-status":
		r.readStatus(entity.Body)
		return
	case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers":
		r.readOriginal(entity.Body)
		return
	}
	parts := entity.MultipartReader()
	if parts == nil {
		return
	}
	for r.left > 0 {
		part, err := parts.NextPart()
		if err != nil {
			return
		}
		r.read(part)
	}
}

// readStatus reads the fields of the message and those of each recipient, which are separated by empty lines.
func (r *dsnReader) readStatus(body io.Reader) {
	b := bufio.NewReader(io.LimitReader(body, maxDSNFields))
	for range maxDSNParts {
		h, err := textproto.ReadHeader(b)
		if h.Len() > 0 {
			r.found = true
			r.readGroup(h)
		}
		if err != nil {
			return
		}
		if _, err := b.Peek(1); err != nil {
			return
		}
	}
}

// readGroup reads the fields of the message, or those of one recipient.
func (r *dsnReader) readGroup(h textproto.Header) {
	if server := afterType(h.Get("Reporting-MTA")); server != "" {
		r.dsn.ReportingServer = server
	}
	action := strings.ToLower(unfold(h.Get("Action")))
	if severity(action) <= severity(r.dsn.Action) {
		return
	}
	status, _, _ := strings.Cut(unfold(h.Get("Status")), " ")
	recipient := afterType(h.Get("Final-Recipient"))
	if recipient == "" {
		recipient = afterType(h.Get("Original-Recipient"))
	}
	r.dsn.Action, r.dsn.Status, r.dsn.Recipient = action, status, recipient
	r.dsn.Diagnostic, r.dsn.RemoteServer = afterType(h.Get("Diagnostic-Code")), afterType(h.Get("Remote-MTA"))
}

// severity orders the actions of RFC 3464, section 2.3.3. It is 0 for no action and 1 for an unknown one.
func severity(action string) int {
	switch action {
	case "":
		return 0
	case "delivered", "relayed", "expanded":
		return 2
	case "delayed":
		return 3
	case "failed":
		return 4
	}
	return 1
}

// afterType returns what follows the type in a field such as "dns; mx.contoso.com".
func afterType(value string) string {
	value = unfold(value)
	if kind, rest, ok := strings.Cut(value, ";"); ok && !strings.Contains(kind, " ") {
		return strings.TrimSpace(rest)
	}
	return value
}

func (r *dsnReader) readOriginal(body io.Reader) {
	h, _ := textproto.ReadHeader(bufio.NewReader(io.LimitReader(body, maxDSNFields)))
	if h.Len() > 0 && r.dsn.Original.Len() == 0 {
		r.dsn.Original = message.Header{Header: h}
	}
}
