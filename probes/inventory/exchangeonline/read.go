package exchangeonline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// readTimeout bounds one read of a tenant, including all waits.
const readTimeout = 15 * time.Minute

// Read is the result of reading a tenant once. Each cmdlet has an answer or a failure.
type Read struct {
	TenantID     string
	Started, End time.Time
	Answers      map[string]Answer
	Failures     map[string]*Failure
}

// OK reports whether all required cmdlets have succeeded.
func (r *Read) OK() bool {
	return !slices.ContainsFunc(Cmdlets, func(c Cmdlet) bool { return c.Required && r.Failures[c.Name] != nil })
}

// Read reads a tenant. Failures are part of the result. before are the previous answers: a list with a warning must not
// be shorter than theirs.
func (c *Client) Read(ctx context.Context, t Tenant, before *Answers) Read {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	r := Read{
		TenantID: t.ID, Started: c.now(), Answers: map[string]Answer{}, Failures: map[string]*Failure{},
	}
	s := c.session(t)
	var f *Failure
	if s.access, f = s.token(ctx); f == nil {
		s.findRegion(ctx)
		f = s.readRequired(ctx, &r, before)
	}
	if f == nil {
		s.readOptional(ctx, &r)
	}
	for _, cmdlet := range Cmdlets {
		_, has := r.Answers[cmdlet.Name]
		if !has && r.Failures[cmdlet.Name] == nil {
			r.Failures[cmdlet.Name] = f // it was not called
		}
	}
	r.End = c.now()
	return r
}

// readRequired calls the required cmdlets. If it returns a failure, the other cmdlets need not be called.
func (s *session) readRequired(ctx context.Context, r *Read, before *Answers) *Failure {
	var first *Failure
	for _, c := range Cmdlets {
		if !c.Required {
			continue
		}
		list, warnings, f := s.invoke(ctx, c, c.parameters)
		if f == nil {
			f = checkRequired(ctx, c, list, len(warnings) > 0, before)
		}
		if f == nil {
			r.Answers[c.Name] = Answer{s.client.now(), list}
			continue
		}
		r.Failures[c.Name] = f
		if first == nil {
			first = f
		}
		if f.Reason == Unreachable || f.Reason == Throttled {
			return f
		}
	}
	return first
}

// kindsOf are the kinds of the records of the required cmdlets.
var kindsOf = map[string]inventory.Kind{
	"Get-AcceptedDomain":    inventory.AcceptedDomains,
	"Get-InboundConnector":  inventory.InboundConnectors,
	"Get-OutboundConnector": inventory.OutboundConnectors,
}

// checkRequired returns a failure if a list may be incomplete, or has records of another kind: a missing connector
// would look like one that was removed.
func checkRequired(
	ctx context.Context, c Cmdlet, list []json.RawMessage, warned bool, before *Answers,
) *Failure {
	kind := kindsOf[c.Name]
	switch {
	case kind == inventory.AcceptedDomains && len(list) == 0:
		return failure(Truncated, "%s: no record was returned, and every tenant has an accepted domain", c.Name)
	case warned && len(list) < len(before.All[c.Name].Records):
		return failure(Truncated, "%s: fewer records were returned than before, with a warning", c.Name)
	case len(list) == 0:
		return nil
	}
	one := Answers{All: map[string]Answer{c.Name: {Records: list}}}
	snapshot, err := one.export(c.Name).Load(ctx)
	if err != nil || snapshot.Parts[c.Name] != kind || len(snapshot.Names(kind)) != len(list) {
		return failure(Malformed, "%s: not all of the %d records are %s with names of their own", c.Name, len(list), kind)
	}
	return nil
}

// readOptional calls the other cmdlets, each of which may fail.
func (s *session) readOptional(ctx context.Context, r *Read) {
	accepted, routed := s.domains(ctx, r)
	for _, c := range Cmdlets {
		if c.Required {
			continue
		}
		var list []json.RawMessage
		var f *Failure
		switch c.domain {
		case "":
			list, _, f = s.invoke(ctx, c, c.parameters)
		default:
			domains := accepted
			if c.Name == "Get-OutboundConnectorReport" {
				domains = routed
			}
			list, f = s.invokeForDomains(ctx, c, domains)
		}
		if f != nil {
			r.Failures[c.Name] = f
			continue
		}
		r.Answers[c.Name] = Answer{s.client.now(), list}
	}
}

// domains returns the accepted domains, and these together with the recipient domains of outbound connectors. Both
// lists are sorted and have at most maxDomains entries.
func (s *session) domains(ctx context.Context, r *Read) (accepted, routed []string) {
	required := Answers{All: r.Answers}
	snapshot, err := required.export(source).Load(ctx)
	if err != nil {
		return nil, nil // cannot happen: checkRequired has loaded them
	}
	for _, d := range snapshot.AcceptedDomains {
		if d.Name != "" {
			accepted = append(accepted, d.Name)
		}
	}
	routed = slices.Clone(accepted)
	for _, c := range snapshot.Outbound {
		for _, d := range c.RecipientDomains {
			if !strings.Contains(d, "*") {
				routed = append(routed, d)
			}
		}
	}
	return bounded(accepted), bounded(routed)
}

// bounded returns the first maxDomains domains, sorted and without duplicates.
func bounded(domains []string) []string {
	slices.Sort(domains)
	domains = slices.Compact(domains)
	return domains[:min(len(domains), maxDomains)]
}

// State returns the state of a source after a read. after are the answers that are in use then.
func (r *Read) State(after *Answers) mailflow.SourceState {
	state := mailflow.SourceState{Source: SourceName, Read: r.End, Success: after.Time()}
	for _, c := range Cmdlets {
		one := mailflow.CmdletState{Cmdlet: c.Name, Required: c.Required, OK: r.Failures[c.Name] == nil}
		if f := r.Failures[c.Name]; f != nil {
			one.Reason, one.Message = string(f.Reason), f.Message
		}
		if answer, has := after.All[c.Name]; has {
			one.Records = answer.Time
		}
		state.Cmdlets = append(state.Cmdlets, one)
	}
	return state
}

// SourceName is the value of the label source.
const SourceName = "exchange_online"
