package exchangeonline_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/inventory/exchangeonline"
	"m365_connector_exporter/probes/lab/microsoft365"
)

// TestFakeHostileAnswers reads a tenant, makes one operation of the fake fail in each way, and reads it again: the read
// has the reason, all records of the first read stay, and no token or assertion is in what the read says.
func TestFakeHostileAnswers(t *testing.T) {
	const token, connectors, rules = microsoft365.Token, "Get-InboundConnector", "Get-TransportRule"
	for name, c := range map[string]struct {
		operation string
		fault     microsoft365.Fault
		want      exchangeonline.Reason // of Get-InboundConnector, or of the operation if it is another cmdlet
	}{
		"tenant unknown":         {token, microsoft365.Refused(90002), exchangeonline.TokenRejected},
		"application unknown":    {token, microsoft365.Refused(700016), exchangeonline.ConsentMissing},
		"certificate unknown":    {token, microsoft365.Refused(700027), exchangeonline.TokenRejected},
		"just registered":        {token, microsoft365.Times(2, microsoft365.Refused(700027)), ""},
		"secret wrong":           {token, microsoft365.Refused(7000215), exchangeonline.TokenRejected},
		"secret expired":         {token, microsoft365.Refused(7000222), exchangeonline.TokenRejected},
		"no consent":             {token, microsoft365.Refused(65001), exchangeonline.ConsentMissing},
		"Conditional Access":     {token, microsoft365.Refused(53003), exchangeonline.TokenRejected},
		"clock is wrong":         {token, microsoft365.Refused(700024), exchangeonline.TokenRejected},
		"unknown refusal":        {token, microsoft365.Refused(123456), exchangeonline.TokenRejected},
		"sign-in page":           {token, microsoft365.HTML, exchangeonline.Malformed},
		"tokens are throttled":   {token, microsoft365.Throttled(time.Hour), exchangeonline.Throttled},
		"huge token":             {token, microsoft365.Huge(100 << 20), exchangeonline.Malformed},
		"token at another host":  {token, microsoft365.Redirect("https://evil.example/"), exchangeonline.Unreachable},
		"metadata are a page":    {microsoft365.OpenID, microsoft365.HTML, exchangeonline.Malformed},
		"forbidden":              {connectors, microsoft365.Forbidden, exchangeonline.RoleMissing},
		"page":                   {connectors, microsoft365.HTML, exchangeonline.Malformed},
		"throttled twice":        {connectors, microsoft365.Times(2, microsoft365.Throttled(time.Second)), ""},
		"throttled for an hour":  {connectors, microsoft365.Throttled(time.Hour), exchangeonline.Throttled},
		"throttled, no time":     {connectors, microsoft365.Throttled(-1), exchangeonline.Throttled},
		"server error":           {connectors, microsoft365.Status(500), exchangeonline.Unreachable},
		"server error, twice":    {connectors, microsoft365.Times(2, microsoft365.Status(503)), ""},
		"redirect to elsewhere":  {connectors, microsoft365.Redirect("https://evil.example/"), exchangeonline.Unreachable},
		"exception":              {connectors, microsoft365.Invalid("X.ArgumentException", "x"), exchangeonline.Malformed},
		"connection is cut":      {connectors, microsoft365.Cut, exchangeonline.Unreachable},
		"huge":                   {connectors, microsoft365.Huge(100 << 20), exchangeonline.Malformed},
		"gzip bomb":              {connectors, microsoft365.GzipBomb(1 << 28), exchangeonline.Malformed},
		"deeply nested":          {connectors, microsoft365.Nested(1 << 20), exchangeonline.Malformed},
		"a list":                 {connectors, microsoft365.Body(`[]`), exchangeonline.Malformed},
		"an empty object":        {connectors, microsoft365.Body(`{}`), exchangeonline.Malformed},
		"records without a name": {connectors, microsoft365.Body(`{"value":[{"a":1}]}`), exchangeonline.Malformed},
		"records of another kind": {
			connectors, microsoft365.Body(`{"value":[{"DomainName":"x.example","DomainType":"Authoritative"}]}`),
			exchangeonline.Malformed,
		},
		"nothing":                  {connectors, microsoft365.Body(``), exchangeonline.Malformed},
		"NUL bytes":                {connectors, microsoft365.Body("\x00\x00"), exchangeonline.Malformed},
		"optional and forbidden":   {rules, microsoft365.Forbidden, exchangeonline.RoleMissing},
		"optional and unavailable": {rules, microsoft365.Status(500), exchangeonline.Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, tenant, client := startFake(t)
			client.SetSleep(nil)
			before := (&exchangeonline.Answers{}).Merge(client.Read(t.Context(), tenant, &exchangeonline.Answers{}))
			server.InjectFault(fakeTenant, c.operation, c.fault)
			begin := time.Now()
			read := client.Read(t.Context(), tenant, &before)
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("the read took %v", took)
			}
			cmdlet := connectors
			if c.operation == rules {
				cmdlet = rules
			}
			if f := read.Failures[cmdlet]; reasonOf(f) != c.want {
				t.Errorf("%v, want %q", f, c.want)
			}
			after := before.Merge(read)
			for _, required := range []string{"Get-AcceptedDomain", connectors, "Get-OutboundConnector"} {
				if got, want := len(after.All[required].Records), len(fakeRecords()[required]); got != want {
					t.Errorf("%s: %d records, want %d", required, got, want)
				}
			}
			checkSaysNothing(t, server, read, tenant)
		})
	}
}

func reasonOf(f *exchangeonline.Failure) exchangeonline.Reason {
	if f == nil {
		return ""
	}
	return f.Reason
}

// checkSaysNothing looks for tokens and assertions in all texts of a read.
func checkSaysNothing(
	t *testing.T, server *microsoft365.Server, read exchangeonline.Read, tenant exchangeonline.Tenant,
) {
	t.Helper()
	answers := (&exchangeonline.Answers{}).Merge(read)
	state, err := json.Marshal(read.State(&answers))
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("%s %+v %#v %s", state, read.Failures, tenant, answers.Document())
	for _, f := range read.Failures {
		said += f.Error()
	}
	for _, secret := range server.Sensitive() {
		if strings.Contains(said, secret) {
			t.Errorf("a token or an assertion is in %.300s", said)
		}
	}
	if strings.Contains(said, "eyJ") || strings.Contains(said, "Bearer") || strings.Contains(said, "evil.example") {
		t.Errorf("a text of a peer is in %.300s", said)
	}
}
