package probes_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func TestInnermostSectionWins(t *testing.T) {
	minute, hour, port, on, off := time.Minute, time.Hour, uint16(2525), true, false
	servers, here := []string{"192.0.2.53:53"}, []netip.Addr{netip.MustParseAddr("192.0.2.25")}
	sections := func(string, mailflow.Direction, string, string) []probes.SettingsOverride {
		return []probes.SettingsOverride{
			{Interval: &hour, Port: &port, NegativeControls: &off, ConnectTo: here, ValidatingResolvers: servers},
			{Interval: &minute, NegativeControls: &on, DNSServers: servers},
		}
	}
	c := mailflow.OutboundConnector{SmartHosts: []string{"192.0.2.1"}}
	c.Type = mailflow.Partner
	got := probes.Plan([]mailflow.Tenant{{Outbound: []mailflow.OutboundConnector{c}}}, sections, "h")[0].Settings
	if got.Interval != minute || got.Port != port || got.Timeout != 30*time.Second || !got.NegativeControls ||
		!slices.Equal(got.DNSServers, servers) || !slices.Equal(got.ConnectTo, here) ||
		!slices.Equal(got.ValidatingResolvers, servers) {
		t.Errorf("settings = %+v", got)
	}
}

func TestDefaultSettings(t *testing.T) {
	for _, c := range []struct {
		direction mailflow.Direction
		connector mailflow.ConnectorType
		interval  time.Duration
		until     probes.Stage
	}{
		{mailflow.Outbound, mailflow.OnPremises, 5 * time.Minute, probes.TLSStage},
		{mailflow.Outbound, mailflow.Partner, 30 * time.Minute, probes.TLSStage},
		{mailflow.Inbound, mailflow.OnPremises, time.Hour, probes.Recipient},
		{mailflow.Inbound, mailflow.Partner, time.Hour, probes.Recipient},
	} {
		got := probes.DefaultSettings(c.direction, c.connector)
		if got.Interval != c.interval || got.Until != c.until || got.Timeout != 30*time.Second || got.Port != 25 {
			t.Errorf("%s %s: %+v", c.direction, c.connector, got)
		}
	}
}

func TestPathWithOverride(t *testing.T) {
	recipient, empty, null, other := probes.Recipient, "", "<>", "a@b.example"
	for name, c := range map[string]struct {
		section    probes.SettingsOverride
		recipients []string
		mailFrom   string
		until      probes.Stage
	}{
		"nothing":         {probes.SettingsOverride{}, nil, "own@contoso.com", probes.EHLO},
		"an empty sender": {probes.SettingsOverride{MailFrom: &empty}, nil, "own@contoso.com", probes.EHLO},
		"the null sender": {probes.SettingsOverride{MailFrom: &null}, nil, "", probes.EHLO},
		"another sender":  {probes.SettingsOverride{MailFrom: &other}, nil, other, probes.EHLO},
		"a recipient stage": {
			probes.SettingsOverride{Until: &recipient},
			[]string{other},
			"own@contoso.com",
			probes.Recipient,
		},
		"no recipient for that stage": {probes.SettingsOverride{Until: &recipient}, nil, "own@contoso.com", probes.TLSStage},
	} {
		p := probes.Path{MailFrom: "own@contoso.com", Recipients: c.recipients, Settings: probes.Settings{Until: probes.EHLO}}
		if got := p.WithOverride(c.section); got.MailFrom != c.mailFrom || got.Settings.Until != c.until {
			t.Errorf("%s: from %q until %s, want %q until %s", name, got.MailFrom, got.Settings.Until, c.mailFrom, c.until)
		}
	}
}

func TestScheduled(t *testing.T) {
	for _, c := range []struct {
		path probes.Path
		want bool
	}{
		{probes.Path{}, true},
		{probes.Path{NotProbed: "the connector is disabled"}, false},
		{probes.Path{NotProbeable: "the connector has no smart host"}, false},
	} {
		if got := c.path.Scheduled(); got != c.want {
			t.Errorf("%+v: scheduled %v, want %v", c.path, got, c.want)
		}
	}
}
