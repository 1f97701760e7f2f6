package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/mailflow"
)

func TestValidationSetsHowFarAPathIsProbed(t *testing.T) {
	outbound := func(until probes.Stage, recipients ...string) probes.Path {
		return probes.Path{
			ID: probes.PathID{
				Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To",
				Path: "mail.contoso.com",
			},
			Recipients: recipients, Settings: probes.Settings{Until: until, Timeout: 30 * time.Second},
		}
	}
	inbound := func(until probes.Stage) probes.Path {
		p := outbound(until, "probe@contoso.com")
		p.ID.Direction = mailflow.Inbound
		return p
	}
	const probe = "probe@contoso.com"
	for name, c := range map[string]struct {
		v    Validation
		path probes.Path
		want probes.Stage
		err  string
	}{
		"as configured":              {Validation{}, outbound(probes.TLSStage), probes.TLSStage, ""},
		"never a message by default": {Validation{}, outbound(probes.Message, probe), probes.Recipient, ""},
		"less far": {
			Validation{Until: probes.Connect, HasUntil: true},
			outbound(probes.TLSStage),
			probes.Connect, "",
		},
		"further": {
			Validation{Until: probes.Recipient, HasUntil: true},
			outbound(probes.TLSStage, probe), probes.Recipient, "",
		},
		"without a recipient": {
			Validation{Until: probes.Recipient, HasUntil: true},
			outbound(probes.TLSStage), 0, "needs validation_recipients",
		},
		"a message": {
			Validation{SendMessage: true},
			outbound(probes.TLSStage, probe),
			probes.Message, "",
		},
		"a message, as said twice": {
			Validation{SendMessage: true, Until: probes.Message, HasUntil: true},
			outbound(probes.TLSStage, probe), probes.Message, "",
		},
		"a message without consent": {
			Validation{Until: probes.Message, HasUntil: true},
			outbound(probes.TLSStage, probe), 0, "it needs --send-test-message",
		},
		"a message, but not so far": {
			Validation{SendMessage: true, Until: probes.TLSStage, HasUntil: true},
			outbound(probes.TLSStage, probe), 0, "leave out --until=tls",
		},
		"inbound, never further": {
			Validation{Until: probes.Recipient, HasUntil: true},
			inbound(probes.TLSStage), probes.TLSStage, "",
		},
		"inbound, never a message": {Validation{SendMessage: true}, inbound(probes.Recipient), probes.Recipient, ""},
		"too short a timeout": {
			Validation{Timeout: time.Millisecond, HasTimeout: true},
			outbound(probes.TLSStage), 0, "at least 100ms",
		},
		"a path that does not exist": {
			Validation{Targets: []string{"fabrikam"}},
			outbound(probes.TLSStage), 0,
			"known: contoso",
		},
		"a target that does not parse": {Validation{Targets: []string{"%zz"}}, outbound(probes.TLSStage), 0, `"%zz"`},
	} {
		got, _, err := c.v.Paths([]probes.Path{c.path})
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", name, err, c.err)
			}
		case err != nil || len(got) != 1 || got[0].Settings.Until != c.want || got[0].Settings.Timeout != 30*time.Second:
			t.Errorf("%s: %+v, error %v; want until %s", name, got, err, c.want)
		}
	}
	got, _, err := Validation{Timeout: time.Second, HasTimeout: true}.Paths([]probes.Path{outbound(probes.TLSStage)})
	if err != nil || got[0].Settings.Timeout != time.Second {
		t.Errorf("timeout %v, error %v; want 1s", got, err)
	}
}

// TestValidationSendsOneMessageAnInterval sends a test message, and is refused a second one, of another process too.
func TestValidationSendsOneMessageAnInterval(t *testing.T) {
	server, err := lab.StartMail(lab.MailOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := fmt.Sprintf(`global: { allow_networks: [127.0.0.0/8], state_file: state.json, min_gap_per_address: 0s }
probe: { port: %d, connect_to: [127.0.0.1], timeout: 20s, message_min_interval: 1h }
tenants:
  - name: contoso
    accepted_domains: [{ domain_name: contoso.com, default: true }]
    outbound_connectors:
      - { name: To, connector_type: OnPremises, use_mx_record: false, smart_hosts: [mail.contoso.com],
          recipient_domains: [contoso.com], validation_recipients: [probe@contoso.com] }
`, server.Port())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	v := Validation{SendMessage: true}
	paths, _, err := v.Paths(Plan(cfg, "prober.example"))
	if err != nil {
		t.Fatal(err)
	}
	for i, refused := range []bool{false, true} {
		done := 0
		items, next, err := v.Validate(t.Context(), cfg, paths, func() { done++ })
		if err != nil || len(items) != 1 || done != 1 {
			t.Fatalf("validation %d: %+v, %d done, error %v", i+1, items, done, err)
		}
		if next.IsZero() == refused || refused && time.Until(next) > time.Hour {
			t.Errorf("validation %d: the next message is allowed at %s; refused should be %v", i+1, next, refused)
		}
		if got := items[0].Result.Outcome(); !refused && got != probes.Passed {
			t.Errorf("validation %d: %s, %+v", i+1, got, items[0].Result.Endpoints)
		}
	}
	if n := len(server.Messages()); n != 1 {
		t.Errorf("%d messages arrived, want 1", n)
	}
	cfg.Global.StateFile = filepath.Join(t.TempDir(), "missing", "state.json")
	if err := CheckStateFile(cfg); err == nil || !strings.Contains(err.Error(), "global.state_file") {
		t.Errorf("a state file in a missing folder: error %v", err)
	}
}
