package roundtrip

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"
)

// HeaderField is the header field of a test message that contains the token.
const HeaderField = "X-M365-Connector-Round-Trip"

// Message describes a test message. Host and the addresses come from the configuration.
type Message struct {
	Token    Token
	From, To string // addresses without angle brackets; From may be empty
	Host     string // name of this host, for the Message-ID
}

// Compose returns a test message of fewer than 1,500 bytes. It explains who sends it and why, and suppresses automatic
// replies (RFC 3834 and Exchange's X-Auto-Response-Suppress).
func Compose(m Message) []byte {
	var b strings.Builder
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	from := m.From
	if from == "" {
		from = "postmaster@" + m.Host
	}
	field("From", "Mail flow monitoring <"+from+">")
	field("To", "<"+m.To+">")
	field("Subject", "Mail flow test "+m.Token.Text)
	field("Date", m.Token.Sent.Format(time.RFC1123Z))
	field("Message-ID", "<"+m.Token.Text+"@"+m.Host+">")
	field(HeaderField, m.Token.Text)
	field("Auto-Submitted", "auto-generated")
	field("X-Auto-Response-Suppress", "All")
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=us-ascii")
	b.WriteString("\r\n")
	fmt.Fprintf(&b, "m365_connector_exporter on %s sends this message to measure\r\n", m.Host)
	fmt.Fprintf(&b, "whether mail flows. It can be deleted.\r\n\r\n%s\r\n", m.Token.Text)
	return []byte(b.String())
}

// Found is a token in the header of a message.
type Found struct {
	Token
	Damaged bool // a copy of the token in another field is damaged
}

// tokenFields are the fields that may contain a token, the most reliable first. A notification contains it in the
// references to the message that it is about.
var tokenFields = []string{HeaderField, "Message-Id", "Subject", "References", "In-Reply-To"}

// FindToken returns the token of a received message: the first valid one in HeaderField, the Message-ID, the subject
// and the references. One is enough, because gateways remove or replace fields.
func (t *Tokens) FindToken(h *message.Header) (Found, bool) {
	values := make([]string, len(tokenFields))
	for i, name := range tokenFields {
		value, err := h.Text(name)
		if err != nil {
			value = h.Get(name)
		}
		values[i] = unfold(value)
	}
	for _, value := range values {
		if token, ok := t.Find(value); ok {
			return Found{token, slices.ContainsFunc(values, token.damagedIn)}, true
		}
	}
	return Found{}, false
}

// damagedIn reports whether text contains the beginning of the token, but not the whole token.
func (t *Token) damagedIn(text string) bool {
	const beginning = len(tokenPrefix) + 2*idLength
	text = strings.ToLower(text)
	return strings.Contains(text, t.Text[:beginning]) && !strings.Contains(text, t.Text)
}
