package check

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// organizationChecks judge what Exchange Online reports about a tenant besides its connectors. Each of them needs the
// records of a cmdlet, and is not judged without them.
func organizationChecks() []Check {
	return []Check{
		{
			Code: "direct_send_open", Severity: Info, Scope: ScopeTenant,
			Title: "Exchange Online accepts mail from the tenant's own domains without a connector",
			When:  "RejectDirectSend is false. Not judged without Get-OrganizationConfig",
			Remedy: "If no device or service sends this way, set RejectDirectSend to true: anyone can otherwise send mail to " +
				"your recipients with a sender in your domains. Give each sender that must send a connector first.",
			Source: "Set-OrganizationConfig, RejectDirectSend; MC1093237",
			Needs:  mailflow.GetOrganizationConfig,
			Find: eachTenant(func(_ *Facts, t *tenant, report func(Finding)) {
				if t.Organization.RejectDirectSend == mailflow.No {
					report(newFinding("RejectDirectSend is false: mail from an accepted domain to the tenant's own recipients is " +
						"accepted from any address."))
				}
			}),
		},
		{
			Code: "direct_send_rejected", Severity: Critical, Scope: ScopeSender,
			Title: "Exchange Online refuses a sender's mail to the tenant's own recipients",
			When: "RejectDirectSend is true, and a simulated message of the sender with a MAIL FROM of an accepted domain " +
				"matches no connector by address or certificate. Not judged without Get-OrganizationConfig",
			Remedy: "Make the sender match its connector: add its address to SenderIPAddresses, or configure it to present a " +
				"certificate with the name in TlsSenderCertificateName and a complete chain. Until then, its mail is accepted " +
				"only if RejectDirectSend is false.",
			Source: "Set-OrganizationConfig, RejectDirectSend; MC1093237; 550 5.7.68",
			Needs:  mailflow.GetOrganizationConfig,
			Find:   eachAttribution(findDirectSendRejected),
		},
		{
			Code: "connector_blocked_by_microsoft", Severity: Critical, Scope: ScopeConnector,
			Title: "Microsoft has blocked the connector",
			When: "Get-BlockedConnector lists an enabled inbound connector by its GUID or name. A listed connector that is " +
				"not known is reported for the tenant, at most as a warning (UNCERTAIN: Microsoft documents only the GUID). Not " +
				"judged without Get-BlockedConnector",
			Remedy: "Find the compromised server or account that sent spam through the connector and stop it. Then unblock " +
				"the connector on the Restricted entities page of Microsoft Defender, or with `Remove-BlockedConnector " +
				"-ConnectorId`.",
			Source: "Get-BlockedConnector; respond-compromised-connector; 550 5.7.711",
			Needs:  mailflow.GetBlockedConnector,
			Find:   eachTenant(findBlocked),
		},
	}
}

// findDirectSendRejected reports messages that are refused as Direct Send. A sender that relays is simulated with a
// recipient outside the tenant: if its own domain does not attribute that message, no connector matches, and its mail
// to the tenant's own recipients is Direct Send.
func findDirectSendRejected(s sender, a *mailflow.Attribution, report func(Finding)) {
	rejects := s.tenant.Organization.RejectDirectSend == mailflow.Yes
	_, own := s.tenant.domains.Match(a.Message.MailFrom)
	unmatched := own && s.Relays != "internal" && a.Basis == mailflow.BasisNone
	if a.DirectSendRejected || rejects && unmatched {
		report(attributionFinding(a, "to the tenant's own recipients matches no connector and is refused with 550 5.7.68"))
	}
}

func findBlocked(_ *Facts, t *tenant, report func(Finding)) {
	if len(t.Organization.Blocked) == 0 {
		return
	}
	byGUID := t.inboundByGUID()
	for _, b := range t.Organization.Blocked {
		why := blockedEvidence(b)
		// an export may have the name where the GUID is expected
		c := cmp.Or(byGUID[strings.ToLower(b.ConnectorID)], t.inbound[b.Name], t.inbound[b.ConnectorID])
		switch {
		case c == nil:
			report(newFinding("Get-BlockedConnector lists a connector that is not among the known ones: %s", why).
				withSeverity(Warning).uncertain("Microsoft does not document which properties identify a blocked connector"))
		case c.IsEnabled():
			report(newFinding("Get-BlockedConnector lists the connector: %s", why).withSubject(inboundSubject(t, c)))
		}
	}
}

func blockedEvidence(b mailflow.BlockedConnector) string {
	text := strings.TrimSpace(b.ConnectorID + " " + b.Name)
	if !b.Since.IsZero() {
		text += ", since " + day(b.Since)
	}
	if b.Reason != "" {
		text += fmt.Sprintf(", reason %.100q", b.Reason)
	}
	return text + "."
}

// inboundByGUID returns the inbound connectors by their GUIDs in lower case.
func (t *tenant) inboundByGUID() map[string]*mailflow.InboundConnector {
	byGUID := make(map[string]*mailflow.InboundConnector, len(t.Inbound))
	for i := range t.Inbound {
		if c := &t.Inbound[i]; c.GUID != "" {
			byGUID[strings.ToLower(c.GUID)] = c
		}
	}
	return byGUID
}

// ruleChecks judge mail flow rules that route mail to outbound connectors.
func ruleChecks() []Check {
	return []Check{
		{
			Code: "rule_without_connector", Severity: Critical, Scope: ScopeTenant,
			Title: "A mail flow rule routes mail to a connector that does not deliver it",
			When: "An enabled rule in mode Enforce has a RouteMessageOutboundConnector that is missing, disabled or in test " +
				"mode. A connector is missing only if the outbound connectors were exported. Not judged without " +
				"Get-TransportRule",
			Remedy: "Change the rule to another connector, enable this one, or disable the rule: mail that the rule selects " +
				"is not delivered as intended.",
			Source: "Set-TransportRule, RouteMessageOutboundConnector; Get-OutboundConnector, IncludeTestModeConnectors",
			Needs:  mailflow.GetTransportRule,
			Find:   eachTenant(findRuleWithoutConnector),
		},
		{
			Code: "connector_without_rule", Severity: Warning, Scope: ScopeOutbound,
			Title: "No mail flow rule uses the connector",
			When: "IsTransportRuleScoped is true, and no rule that may be in effect has the connector as " +
				"RouteMessageOutboundConnector. Not judged without Get-TransportRule",
			Remedy: "Enable the rule that routes mail to the connector, or create one. If the connector is not needed, " +
				"remove it.",
			Source: "Set-OutboundConnector, IsTransportRuleScoped; Set-TransportRule, RouteMessageOutboundConnector",
			Needs:  mailflow.GetTransportRule,
			Find:   eachTenant(findConnectorWithoutRule),
		},
	}
}

func findRuleWithoutConnector(f *Facts, t *tenant, report func(Finding)) {
	if len(t.Organization.Rules) == 0 {
		return
	}
	ids := t.outboundIDs()
	for i := range t.Organization.Rules {
		r := &t.Organization.Rules[i]
		if r.Connector == "" || r.AppliesAt(f.Now) != mailflow.Yes {
			continue
		}
		c := ids.find(r.Connector)
		switch {
		case c == nil && t.Organization.HasRead(mailflow.GetOutboundConnector):
			report(newFinding("The rule %q routes mail to the connector %q, which does not exist.", r.Name, r.Connector))
		case c == nil || c.NotExported:
		case !c.IsEnabled():
			report(newFinding("The rule %q routes mail to the connector %q, which is disabled.", r.Name, c.Name))
		case c.TestMode == mailflow.Yes:
			report(newFinding("The rule %q routes mail to the connector %q, which is in test mode.", r.Name, c.Name))
		}
	}
}

func findConnectorWithoutRule(f *Facts, t *tenant, report func(Finding)) {
	if !t.Organization.HasRead(mailflow.GetTransportRule) {
		return
	}
	used, disabled := t.connectorsOfRules(f.Now)
	for i := range t.Outbound {
		c := &t.Outbound[i]
		if !judgedOutbound(c) || c.IsTransportRuleScoped != mailflow.Yes || used[c] {
			continue
		}
		one := newFinding("IsTransportRuleScoped is true, and none of %d mail flow rules routes mail to it.",
			len(t.Organization.Rules))
		if name := disabled[c]; name != "" {
			one = newFinding("IsTransportRuleScoped is true, and the rule %q that routes mail to it is not in effect.", name)
		}
		report(one.withSubject(outboundSubject(t, c)))
	}
}

// connectorsOfRules returns the connectors that a rule uses which is in effect, or may be, and one rule of each
// connector that is not.
func (t *tenant) connectorsOfRules(now time.Time) (
	used map[*mailflow.OutboundConnector]bool, disabled map[*mailflow.OutboundConnector]string,
) {
	used, disabled = map[*mailflow.OutboundConnector]bool{}, map[*mailflow.OutboundConnector]string{}
	ids := t.outboundIDs()
	for i := range t.Organization.Rules {
		r := &t.Organization.Rules[i]
		if r.Connector == "" {
			continue
		}
		if c := ids.find(r.Connector); c != nil && r.AppliesAt(now) != mailflow.No {
			used[c] = true
		} else if c != nil {
			disabled[c] = r.Name
		}
	}
	return used, disabled
}

// outboundIDs are the outbound connectors by their names and GUIDs in lower case.
type outboundIDs map[string]*mailflow.OutboundConnector

func (t *tenant) outboundIDs() outboundIDs {
	ids := make(outboundIDs, 2*len(t.Outbound))
	for i := range t.Outbound {
		c := &t.Outbound[i]
		ids[strings.ToLower(c.GUID)] = c
	}
	for i := range t.Outbound {
		c := &t.Outbound[i]
		ids[strings.ToLower(c.Name)] = c
	}
	return ids
}

// find returns the connector that a rule or a report means by its name, its GUID or a path that ends in its name; nil
// if there is none.
func (ids outboundIDs) find(id string) *mailflow.OutboundConnector {
	id = strings.ToLower(id)
	if c := ids[id]; c != nil || id == "" {
		return c
	}
	return ids[id[strings.LastIndexAny(id, `\/`)+1:]]
}
