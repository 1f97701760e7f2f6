package smtpprobe

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"

	"m365_connector_exporter/probes"
)

// knownReply is a line of testdata/replies.tsv.
type knownReply struct {
	line     string // as it stands there
	stage    probes.Stage
	refusal  refusal
	want     judgement
	source   string
	wireText string
}

var commandNames = map[string]command{
	"greeting": commandGreeting, "EHLO": commandEHLO, "STARTTLS": commandSTARTTLS, "MAIL": commandMAIL,
	"RCPT": commandRCPT, "DATA": commandDATA,
}

func knownReplies(t *testing.T) (all []knownReply) {
	t.Helper()
	data, err := os.ReadFile("testdata/replies.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 7 {
			t.Fatalf("%d columns, want 7: %s", len(f), line)
		}
		stage, ok := probes.ParseStage(f[0])
		c, known := commandNames[f[1]]
		if !ok || !known || f[5] == "" {
			t.Fatalf("stage, command or source: %s", line)
		}
		wire := strings.ReplaceAll(f[6], `\n`, "\r\n") + "\r\n"
		reply, err := newReplyReader(strings.NewReader(wire)).read()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, knownReply{
			line: line, stage: stage, source: f[5], wireText: wire,
			refusal: refusal{reply: reply, command: c, ownSender: f[2] == "own", withheld: f[2] == "withheld"},
			want:    judgement{probes.Reason(f[3]), probes.Evidence(strings.TrimPrefix(f[4], "-"))},
		})
	}
	return all
}

func TestClassifyRepliesOfCommonServers(t *testing.T) {
	all := knownReplies(t)
	const least = 300
	if len(all) < least {
		t.Errorf("%d replies, want at least %d", len(all), least)
	}
	for _, r := range all {
		if got := r.refusal.classify(); got != r.want {
			t.Errorf("%s: %s, want %s %s", r.line, cmp.Or(got.reason, "no reason")+" "+probes.Reason(got.evidence),
				r.want.reason, r.want.evidence)
		}
	}
}

// Every reason and evidence that the table gives is in the catalogue, so that a remedy exists.
func TestEveryRuleHasARemedy(t *testing.T) {
	for _, r := range rules {
		if _, ok := r.reason.Info(); !ok {
			t.Errorf("no reason %q", r.reason)
		}
		if r.evidence != "" && !r.reason.HasVariant(r.evidence) {
			t.Errorf("%s has no remedy for %s", r.reason, r.evidence)
		}
	}
}

// Whatever matches, a rule that comes after another one for the same replies would never be reached.
func TestEveryRuleCanDecide(t *testing.T) {
	for i, r := range rules {
		if r.reason == "" || r.source == "" || r.enhanced == "" && r.codes[0] == 0 {
			t.Errorf("rule %d is incomplete: %+v", i, r)
		}
		for _, earlier := range rules[:i] {
			unconditional := len(earlier.on) == 0 && earlier.words == nil && !earlier.withheld && !earlier.ownSender
			if unconditional && earlier.enhanced == r.enhanced && earlier.through == r.through && earlier.codes == r.codes {
				t.Errorf("rule %d is never reached: %+v", i, r)
			}
		}
	}
}

// Words of addresses, of other words and of other things mean nothing.
func TestWordsThatMeanSomethingElse(t *testing.T) {
	for _, tt := range []struct {
		command command
		reply   string
		want    probes.Reason
	}{
		{commandRCPT, "550 5.7.1 <spf@rbl.contoso.com>: rejected by policy", probes.ReasonRecipientRejected},
		{commandRCPT, "450 4.2.0 <full.disk@greylist.contoso.com>: later", probes.ReasonTemporaryRejection},
		{commandRCPT, "550 Corrblem: the script descriptr is too long", probes.ReasonRecipientRejected},
		{commandMAIL, "503 5.5.1 Error: send HELO/EHLO first", probes.ReasonSenderRejected},
		{commandEHLO, "502 5.5.1 EHLO command not implemented", probes.ReasonEHLORejected},
		{commandRCPT, "550 mailbox is blocked on this server", probes.ReasonRecipientRejected},
		{commandRCPT, "550 sender domain does not exist", probes.ReasonSenderRejected},
		{commandRCPT, "550 Recipient address not allowed", probes.ReasonRecipientRejected},
		{commandRCPT, "422 The recipient's mailbox has exceeded its storage limit", probes.ReasonMailboxFull},
		{commandRCPT, "550 5.7.650 Access denied", probes.ReasonRecipientRejected},
		{commandMAIL, "421 4.7.1 No client certificate presented", probes.ReasonThrottled},
		{commandRCPT, "250 5.7.64 accepted", probes.ReasonReplyMalformed},
	} {
		r, err := newReplyReader(strings.NewReader(tt.reply + "\r\n")).read()
		if got := (refusal{reply: r, command: tt.command}).classify(); err != nil || got.reason != tt.want {
			t.Errorf("%s: %s %v, want %s", tt.reply, got, err, tt.want)
		}
	}
}

// A reply means the same with and without its enhanced code where its words are enough.
func TestWordsAloneAreEnough(t *testing.T) {
	byWords := []probes.Reason{
		probes.ReasonServerUnavailable, probes.ReasonRelayDenied, probes.ReasonThrottled,
		probes.ReasonAuthenticationRequired, probes.ReasonTLSRequired,
	}
	different := 0
	for _, known := range knownReplies(t) {
		if !slices.Contains(byWords, known.want.reason) || known.refusal.reply.Enhanced == "" {
			continue
		}
		bare := known.refusal
		bare.reply.Enhanced = ""
		if got := bare.classify(); got.reason != known.want.reason {
			different++
			t.Logf("without its code %s: %s", got.reason, known.line)
		}
	}
	const most = 30
	if different > most {
		t.Errorf("%d replies need their enhanced code, want at most %d", different, most)
	}
}
