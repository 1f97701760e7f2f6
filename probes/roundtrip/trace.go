package roundtrip

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-message"
)

// maxHops bounds the hops that are kept; all are counted.
const maxHops = 50

// Trace is the route of a message, as described in its header. Texts are those of the servers: sanitise them before
// display. The zero value of a field means that it is unknown.
type Trace struct {
	Received int   // number of Received fields
	Hops     []Hop // the last 50, in the order of travel

	// TenantID is the tenant to which Exchange Online attributed the message, a GUID in lower case
	// (X-MS-Exchange-CrossTenant-Id).
	TenantID string
	// Connecting is the server that delivered the message to Exchange Online
	// (X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp, else X-Forefront-Antispam-Report).
	Connecting netip.Addr
	Helo       string
	Origin     Origin
	AuthAs     string // "Anonymous", "Internal"

	SpamConfidence        string   // SCL, such as "1" or "-1"
	SpamVerdict           string   // SFV, such as "NSPM"
	Direction             string   // DIR, such as "OUT"
	AuthenticationResults []string // the last 5
}

// Origin is where a message entered Exchange Online (X-MS-Exchange-CrossTenant-FromEntityHeader).
type Origin string

// Origins. UNCERTAIN: their meaning is inferred from samples.
const (
	OriginUnknown      Origin = "unknown"
	OriginHybridOnPrem Origin = "hybrid_on_prem" // through an inbound connector of type OnPremises
	OriginHosted       Origin = "hosted"         // from a mailbox in Exchange Online
)

const maxAuthenticationResults = 5

// Names of Exchange Online's header fields.
const (
	fieldTenantID     = "X-MS-Exchange-CrossTenant-Id"
	fieldConnectingIP = "X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp"
	fieldOrigin       = "X-MS-Exchange-CrossTenant-FromEntityHeader"
	fieldAuthAs       = "X-MS-Exchange-CrossTenant-AuthAs"
	fieldAntispam     = "X-Forefront-Antispam-Report"
	fieldMailboxEntry = "X-EOPTenantAttributedMessage"
)

// ReadTrace reads the trace of a header.
func ReadTrace(h *message.Header) Trace {
	t := Trace{
		TenantID: guid(single(h, fieldTenantID)),
		Origin:   origin(single(h, fieldOrigin)),
		AuthAs:   single(h, fieldAuthAs),
	}
	for fields := h.FieldsByKey("Received"); fields.Next(); {
		if t.Received++; t.Received <= maxHops {
			t.Hops = append(t.Hops, parseReceived(fields.Value()))
		}
	}
	slices.Reverse(t.Hops)
	setDelays(t.Hops)
	for _, name := range []string{"Authentication-Results", "ARC-Authentication-Results"} {
		for fields := h.FieldsByKey(name); fields.Next() && len(t.AuthenticationResults) < maxAuthenticationResults; {
			t.AuthenticationResults = append(t.AuthenticationResults, unfold(fields.Value()))
		}
	}
	t.readAntispam(single(h, fieldAntispam))
	t.readConnecting(single(h, fieldConnectingIP))
	if t.TenantID == "" { // only inside a mailbox: "GUID:0"
		id, _, _ := strings.Cut(single(h, fieldMailboxEntry), ":")
		t.TenantID = guid(id)
	}
	return t
}

// single returns the value of a field, "" if the header has several different values of it.
func single(h *message.Header, name string) string {
	value, seen := "", false
	for fields := h.FieldsByKey(name); fields.Next(); {
		v := unfold(fields.Value())
		if seen && v != value {
			return ""
		}
		value, seen = v, true
	}
	return value
}

// unfold returns a value on one line.
func unfold(value string) string { return strings.Join(strings.Fields(value), " ") }

var guidPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// guid returns a GUID in lower case, "" for any other text.
func guid(text string) string {
	text = strings.ToLower(strings.Trim(strings.TrimSpace(text), "{}"))
	if !guidPattern.MatchString(text) {
		return ""
	}
	return text
}

func origin(value string) Origin {
	switch strings.ToLower(value) {
	case "hybridonprem":
		return OriginHybridOnPrem
	case "hosted":
		return OriginHosted
	}
	return OriginUnknown
}

// readConnecting reads "TenantId=GUID;Ip=[192.0.2.1];Helo=[mail.contoso.com]".
func (t *Trace) readConnecting(value string) {
	for pair := range strings.SplitSeq(value, ";") {
		name, v, _ := strings.Cut(strings.TrimSpace(pair), "=")
		v = strings.Trim(strings.TrimSpace(v), "[]")
		switch strings.ToLower(name) {
		case "tenantid":
			if t.TenantID == "" {
				t.TenantID = guid(v)
			}
		case "ip":
			if a, err := netip.ParseAddr(v); err == nil {
				t.Connecting = a.Unmap()
			}
		case "helo":
			t.Helo = v
		}
	}
}

// readAntispam reads "CIP:192.0.2.1;CTRY:DE;…;SCL:1;…;SFV:NSPM;H:mail.contoso.com;…;DIR:OUT;SFP:1101;".
func (t *Trace) readAntispam(value string) {
	for pair := range strings.SplitSeq(value, ";") {
		name, v, _ := strings.Cut(strings.TrimSpace(pair), ":")
		switch strings.ToUpper(name) {
		case "CIP":
			if a, err := netip.ParseAddr(v); err == nil {
				t.Connecting = a.Unmap()
			}
		case "H":
			t.Helo = v
		case "SCL":
			if _, err := strconv.Atoi(v); err == nil {
				t.SpamConfidence = v
			}
		case "SFV":
			t.SpamVerdict = strings.ToUpper(v)
		case "DIR":
			t.Direction = strings.ToUpper(v)
		}
	}
}

// setDelays sets the delay of each hop after the one before it that has a time. A negative delay shows that clocks
// differ.
func setDelays(hops []Hop) {
	var before time.Time
	for i := range hops {
		if hops[i].Time.IsZero() {
			continue
		}
		if !before.IsZero() {
			hops[i].Delay = hops[i].Time.Sub(before)
		}
		before = hops[i].Time
	}
}
