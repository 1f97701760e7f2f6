package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/roundtrip"
)

// tripPath returns the path on which a message is handed over: that of a sender, or one to a server.
func tripPath(cfg *config.Config, t *config.RoundTrip, paths []probes.Path, helloName string) (p probes.Path, ok bool) {
	if t.SmartHost != "" {
		p = serverPath(cfg, t, helloName)
	} else {
		i := slices.IndexFunc(paths, func(p probes.Path) bool {
			return p.ID.Tenant == t.Tenant && p.ID.Direction == mailflow.Inbound && p.ID.Path == t.Sender
		})
		if i < 0 {
			return p, false
		}
		p = paths[i]
	}
	p.MailFrom, p.Recipients = t.Recipient, []string{t.Recipient}
	p.Settings.Until = probes.Message
	return p, true
}

// serverPath returns the path to a server of the organization, with the settings of the tenant.
func serverPath(cfg *config.Config, t *config.RoundTrip, helloName string) probes.Path {
	connector := mailflow.OutboundConnector{
		Common:     mailflow.Common{Name: "round trip " + t.Name, Type: mailflow.OnPremises},
		SmartHosts: []string{t.SmartHost},
	}
	tenants := []mailflow.Tenant{{Name: t.Tenant, Outbound: []mailflow.OutboundConnector{connector}}}
	return probes.Plan(tenants, cfg.Layers, helloName)[0]
}

// handOver sends a message and records whether the first server took it.
func (t *roundTrips) handOver(ctx context.Context, token roundtrip.Token) {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.sending, token.Trip)
		t.tried[token.Trip] = time.Now()
	}()
	path, ok := t.current.Load().paths[token.Trip]
	if !ok {
		t.tracker.NotHanded(token, roundtrip.Refusal{Text: "the path of the sender is not known"})
		return
	}
	path.Message = roundtrip.Compose(roundtrip.Message{
		Token: token, From: path.MailFrom, To: path.Recipients[0], Host: path.Settings.HelloName,
	})
	switch h := handedOver(t.prober.Probe(ctx, &path)); {
	case h.refused:
		if f, ok := t.tracker.Returned(token, time.Now(), nil, h.why); ok {
			t.finished(f)
		}
	default:
		if h.why.Text != "" && t.tracker.Waiting(token.Trip) == "" { // not again at each attempt
			t.log.Warn("a message of a round trip could not be handed over; it is retried until lost_after",
				slog.String("tenant", token.Trip.Tenant), slog.String("round_trip", token.Trip.Name),
				slog.String("reason", string(h.why.Reason)), slog.String("refusal", probes.Redact(h.why.Text)))
		}
		t.tracker.NotHanded(token, h.why)
	}
	t.expose()
}

// handover is the outcome of an attempt.
type handover struct {
	refused bool              // for good
	why     roundtrip.Refusal // why the message was not taken; empty if it was, or may have been
}

// handedOver returns the outcome that a result shows.
func handedOver(r *probes.Result) handover {
	var worst handover
	for i := range r.Endpoints {
		e := &r.Endpoints[i]
		step := e.Steps[probes.Message]
		lost := step.Outcome != probes.NotReached && step.Reply.Code == 0 // the reply did not arrive: it may have been taken
		if step.Outcome == probes.Passed || lost {
			return handover{}
		}
		stage, problem, found := e.FirstProblem()
		if !found {
			continue
		}
		h := handover{
			refused: problem.Outcome == probes.Failed && problem.Reply.Code >= 500 && stage >= probes.Recipient,
			why: roundtrip.Refusal{
				Text:   probes.Sanitise(fmt.Sprintf("%s at %s: %s: %s", e.Host, stage, problem.Reason, problem.Detail), maxShown),
				Reason: problem.Reason, Evidence: problem.Evidence,
			},
		}
		if worst.why.Text == "" || h.refused {
			worst = h
		}
	}
	if worst.why.Text == "" {
		worst.why.Text = "there is no address to connect to"
	}
	return worst
}
