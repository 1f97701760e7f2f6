package roundtrip_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/roundtrip"
)

// composed returns a test message and its token.
func composed(tokens *roundtrip.Tokens) (roundtrip.Token, string) {
	token := tokens.New(hybrid, sent)
	return token, string(roundtrip.Compose(roundtrip.Message{
		Token: token, From: "probe@contoso.com", To: "canary@probe.contoso.com", Host: "probe.contoso.com",
	}))
}

func read(t testing.TB, text string) *message.Entity {
	t.Helper()
	entity, err := message.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return entity
}

func TestComposeAsksNotToBeAnswered(t *testing.T) {
	_, text := composed(newTokens(hybrid))
	if len(text) > 1500 {
		t.Errorf("the message has %d bytes, want at most 1500", len(text))
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 100 || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("line %q, want at most 100 characters of ASCII", line)
		}
	}
	h := read(t, text).Header
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All",
		"From": "Mail flow monitoring <probe@contoso.com>", "To": "<canary@probe.contoso.com>",
		"Date": "Sun, 29 Nov 2026 12:00:00 +0000",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestComposeWithoutSender(t *testing.T) {
	token := newTokens(hybrid).New(hybrid, sent)
	text := roundtrip.Compose(roundtrip.Message{Token: token, To: "a@b.example", Host: "c.example"})
	if !bytes.Contains(text, []byte("From: Mail flow monitoring <postmaster@c.example>\r\n")) {
		t.Errorf("message %s, want postmaster@c.example as author", text)
	}
}

func TestOneTokenSuffices(t *testing.T) {
	tokens := newTokens(hybrid)
	token, text := composed(tokens)
	remove := func(names ...string) string {
		entity := read(t, text)
		for _, name := range names {
			entity.Header.Del(name)
		}
		var b bytes.Buffer
		if err := entity.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	const own = roundtrip.HeaderField
	for name, row := range map[string]struct {
		text           string
		found, damaged bool
	}{
		"as sent":                    {text, true, false},
		"own field removed":          {remove(own), true, false},
		"Message-ID alone":           {remove(own, "Subject"), true, false},
		"subject alone":              {remove(own, "Message-Id"), true, false},
		"own field alone":            {remove("Subject", "Message-Id"), true, false},
		"no token":                   {remove(own, "Subject", "Message-Id"), false, false},
		"an answer":                  {"Subject: x\r\nReferences: <a@b>\r\n <" + token.Text + "@c>\r\n\r\n", true, false},
		"subject encoded":            {"Subject: =?utf-8?q?=5BEXT=5D_" + token.Text + "?=\r\n\r\n", true, false},
		"subject of unknown charset": {"Subject: =?x?q?a?= " + token.Text + "\r\n\r\n", true, false},
		"own field cut":              {strings.Replace(text, own+": "+token.Text, own+": "+token.Text[:30], 1), true, true},
		"subject cut":                {strings.Replace(text, "test "+token.Text, "test "+token.Text[:30], 1), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			found, ok := tokens.FindToken(&read(t, row.text).Header)
			if ok != row.found || found.Damaged != row.damaged || ok && found.Token != token {
				t.Errorf("FindToken = %+v, %v; want found %v, damaged %v", found, ok, row.found, row.damaged)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	const id, other = "75e027c9-20d5-47d5-b82f-77d7cd041e8f", "00000000-20d5-47d5-b82f-77d7cd041e8f"
	expected := roundtrip.Expectation{
		TenantID: strings.ToUpper(id), Origin: roundtrip.OriginHybridOnPrem, LateAfter: 5 * time.Minute,
		Connecting: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("198.51.100.0/24")},
	}
	good := roundtrip.Trace{
		TenantID: id, Connecting: netip.MustParseAddr("198.51.100.7"), Origin: roundtrip.OriginHybridOnPrem,
		SpamVerdict: "NSPM",
	}
	with := func(change func(*roundtrip.Trace)) roundtrip.Trace {
		trace := good
		change(&trace)
		return trace
	}
	unknown := roundtrip.Trace{Origin: roundtrip.OriginUnknown}
	wrongAddress := with(func(t *roundtrip.Trace) { t.Connecting = netip.MustParseAddr("203.0.113.1") })
	wrongOrigin := with(func(t *roundtrip.Trace) { t.Origin = roundtrip.OriginHosted })
	verdict := func(v string) roundtrip.Trace { return with(func(t *roundtrip.Trace) { t.SpamVerdict = v }) }
	wrongTenant := with(func(t *roundtrip.Trace) { t.TenantID, t.SpamVerdict = other, "SPM" })
	for name, row := range map[string]struct {
		trace   roundtrip.Trace
		after   time.Duration
		damaged bool
		expect  roundtrip.Expectation
		want    roundtrip.Outcome
		field   string
	}{
		"as expected":             {good, time.Minute, false, expected, roundtrip.Delivered, ""},
		"nothing known":           {unknown, time.Minute, false, expected, roundtrip.Delivered, ""},
		"nothing expected":        {wrongTenant, 0, false, roundtrip.Expectation{}, roundtrip.Spam, ""},
		"another tenant":          {wrongTenant, time.Hour, true, expected, roundtrip.Misrouted, "tenant"},
		"another address":         {wrongAddress, 0, false, expected, roundtrip.Misrouted, "connecting address"},
		"another origin":          {wrongOrigin, 0, false, expected, roundtrip.Misrouted, "origin"},
		"spam":                    {verdict("SPM"), time.Hour, true, expected, roundtrip.Spam, ""},
		"blocked":                 {verdict("BLK"), 0, false, expected, roundtrip.Spam, ""},
		"filtering skipped":       {verdict("SKN"), 0, false, expected, roundtrip.Delivered, ""},
		"damaged":                 {good, time.Hour, true, expected, roundtrip.Altered, ""},
		"late":                    {good, 5*time.Minute + time.Second, false, expected, roundtrip.Late, ""},
		"just in time":            {good, 5 * time.Minute, false, expected, roundtrip.Delivered, ""},
		"received before it left": {good, -time.Hour, false, expected, roundtrip.Delivered, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := roundtrip.Arrival{
				Token: roundtrip.Token{Sent: sent}, Received: sent.Add(row.after), Damaged: row.damaged, Trace: row.trace,
			}
			got, mismatches := roundtrip.Judge(&a, &row.expect)
			if got != row.want {
				t.Errorf("outcome %s, want %s", got, row.want)
			}
			if len(mismatches) > 0 != (row.field != "") || row.field != "" && mismatches[0].Field != row.field {
				t.Errorf("mismatches %v, want one of %q", mismatches, row.field)
			}
		})
	}
}

func TestMismatchNamesWhatWasExpected(t *testing.T) {
	a := roundtrip.Arrival{Trace: roundtrip.Trace{Connecting: netip.MustParseAddr("203.0.113.1")}}
	_, got := roundtrip.Judge(&a, &roundtrip.Expectation{
		Connecting: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("198.51.100.0/24")},
	})
	want := []roundtrip.Mismatch{{"connecting address", "203.0.113.1", "192.0.2.1, 198.51.100.0/24"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatches (-want +got):\n%s", diff)
	}
}

func TestReadDSN(t *testing.T) {
	tokens := newTokens(hybrid)
	token, _ := composed(tokens)
	exchange, err := os.ReadFile("testdata/dsn_exchange_online.eml")
	if err != nil {
		t.Fatal(err)
	}
	dsn, err := roundtrip.ReadDSN(read(t, strings.ReplaceAll(string(exchange), "TOKEN", token.Text)))
	if err != nil {
		t.Fatal(err)
	}
	want := &roundtrip.DSN{
		ReportingServer: "AM2PEPF0001C70D.mail.protection.outlook.com", Action: "failed", Status: "5.7.64",
		Diagnostic:   "550 5.7.64 TenantAttribution; Relay Access Denied [ValidationStatus of 'certificate' is 'Expired']",
		RemoteServer: "mail.contoso.com", Recipient: "canary@probe.contoso.com",
	}
	found, ok := tokens.FindToken(&dsn.Original)
	if !ok || found.Token != token {
		t.Errorf("token in the quoted header: %v, %v; want %v", found, ok, token)
	}
	if !dsn.Returned() {
		t.Error("Returned() is false")
	}
	dsn.Original = message.Header{}
	sameLength := cmp.Comparer(func(a, b message.Header) bool { return a.Len() == b.Len() })
	if diff := cmp.Diff(want, dsn, sameLength); diff != "" {
		t.Errorf("notification (-want +got):\n%s", diff)
	}
}

// status returns a notification with the text of its status part.
func status(text string) string {
	return strings.ReplaceAll("Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"+
		"--b\nContent-Type: message/delivery-status\n\n"+text+"\n--b--\n", "\n", "\r\n")
}

func TestReadDSNOfManyShapes(t *testing.T) {
	failed := "Reporting-MTA: dns; a.example\n\nFinal-Recipient: rfc822; x@b.example\nAction: failed\nStatus: 5.1.1\n"
	several := "Reporting-MTA: dns; a\n\nAction: delayed\nStatus: 4.4.1\n\nAction: failed\nStatus: 5.1.1\n\n" +
		"Action: relayed\nStatus: 2.0.0\n"
	for name, row := range map[string]struct {
		text           string
		action, status string
	}{
		"one recipient":              {status(failed), "failed", "5.1.1"},
		"worst of several":           {status(several), "failed", "5.1.1"},
		"no fields of the message":   {status("Action: FAILED\nStatus: 5.1.1 (unknown)\n"), "failed", "5.1.1"},
		"delayed":                    {status("Reporting-MTA: a\n\nAction: delayed\nStatus: 4.4.1\n"), "delayed", "4.4.1"},
		"an unknown action":          {status("Reporting-MTA: a\n\nAction: eaten\nStatus: 5.0.0\n"), "eaten", "5.0.0"},
		"status without a recipient": {status("Reporting-MTA: dns; a\n"), "", ""},
		"a field cut in the middle":  {status("Reporting-MTA: dns; a\n\nAction: failed\nStatus"), "failed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, err := roundtrip.ReadDSN(read(t, row.text))
			if err != nil {
				t.Fatal(err)
			}
			if dsn.Action != row.action || dsn.Status != row.status {
				t.Errorf("action %q, status %q; want %q, %q", dsn.Action, dsn.Status, row.action, row.status)
			}
		})
	}
	for name, text := range map[string]string{
		"a plain message":  "Subject: x\r\n\r\nhello\r\n",
		"no status part":   "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\n",
		"an empty status":  status(""),
		"behind 30 parts":  strings.Replace(status(failed), "--b\r\n", strings.Repeat("--b\r\n\r\nx\r\n", 30)+"--b\r\n", 1),
		"a deep message":   strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 30),
		"a damaged header": "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nnonsense",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := roundtrip.ReadDSN(read(t, text)); !errors.Is(err, roundtrip.ErrNoDSN) {
				t.Errorf("error %v, want ErrNoDSN", err)
			}
		})
	}
}

func FuzzReadDSN(f *testing.F) {
	text, err := os.ReadFile("testdata/dsn_exchange_online.eml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(status("Reporting-MTA: a\n\nAction: failed\n")))
	f.Fuzz(func(_ *testing.T, text []byte) {
		entity, _ := message.Read(bytes.NewReader(text))
		if entity == nil {
			return
		}
		if dsn, err := roundtrip.ReadDSN(entity); err == nil {
			_ = dsn.Returned()
		}
	})
}
