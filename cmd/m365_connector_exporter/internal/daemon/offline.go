package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/schedule"
)

// Audit evaluates a configuration without any network. It also judges the list of a firewall; nil if there is none.
func Audit(cfg *config.Config, firewall *check.Firewall, now time.Time) *evaluate.Report {
	snapshot := &evaluate.Snapshot{NoNetwork: true, Firewall: firewall}
	for _, p := range Plan(cfg, "") {
		snapshot.Paths = append(snapshot.Paths, check.Path{Path: &p})
	}
	return evaluate.Evaluate(Inventory(cfg), snapshot, now)
}

// CheckStateFile returns an error if the daemon would not start with the state file of a configuration, or would
// send no test message.
func CheckStateFile(cfg *config.Config) error {
	if err := schedule.CheckStateFile(cfg.Global.StateFile, time.Now()); err != nil {
		return fmt.Errorf("global.state_file: %w", err)
	}
	return nil
}

// ReadClientCertificate reads a certificate file, and judges it with the configuration's roots as Exchange Online
// judges the certificate of a sender. The problems are why it is not valid.
func ReadClientCertificate(
	ctx context.Context, cfg *config.Config, file, passwordFile string, now time.Time,
) (c *mailflow.ClientCertificate, problems []string, err error) {
	m, err := config.ReadCertificate(ctx, file, passwordFile)
	if err != nil {
		return nil, nil, err
	}
	c, problems, err = evaluate.ClientCertificate(m.Chain, cfg.Global.Roots, m.Presented().Source, now)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, problems, nil
}

// Renewal is what happens if senders present another certificate.
type Renewal struct {
	Simulations []mailflow.RenewalSimulation // one for each selected sender
	// Fallback reports whether no sender shares a name with the certificate, so that every sender whose connector
	// requires a certificate was selected.
	Fallback bool
}

// SimulateRenewal predicts what happens if senders present the certificate c. A target is the name of a sender, or
// TENANT[/inbound]/CONNECTOR/SENDER. Without targets, it selects the senders whose certificates relate to c.
func SimulateRenewal(
	cfg *config.Config, c *mailflow.ClientCertificate, targets []string, now time.Time,
) (r Renewal, err error) {
	tenants := Audit(cfg, nil, now).Tenants
	selected := func(_ *mailflow.Tenant, connector *mailflow.InboundConnector, s *mailflow.Sender) bool {
		return mailflow.CertificateRelatesTo(c, connector, s)
	}
	if len(targets) > 0 {
		if selected, err = senderFilter(tenants, targets); err != nil {
			return Renewal{}, err
		}
	}
	r.Simulations = mailflow.SimulateRenewal(tenants, selected, c)
	if len(r.Simulations) == 0 && len(targets) == 0 {
		r.Fallback = true
		r.Simulations = mailflow.SimulateRenewal(tenants, requiresCertificate, c)
	}
	if len(r.Simulations) == 0 {
		return r, errors.New("no enabled connector requires a certificate from its sender: name a sender with --sender")
	}
	return r, nil
}

func requiresCertificate(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) bool {
	return c.TLSSenderCertificateName != ""
}

// senderFilter selects the senders that targets name.
func senderFilter(tenants []mailflow.Tenant, targets []string) (mailflow.SenderFilter, error) {
	var ids []probes.PathID
	for i := range tenants {
		for k := range tenants[i].Senders {
			ids = append(ids, evaluate.SenderPath(tenants[i].Name, &tenants[i].Senders[k]))
		}
	}
	selected := map[probes.PathID]bool{}
	for _, target := range targets {
		found, err := matchSender(target, ids)
		if err != nil {
			return nil, fmt.Errorf("--sender %q: %w", target, err)
		}
		for _, id := range found {
			selected[id] = true
		}
	}
	return func(t *mailflow.Tenant, _ *mailflow.InboundConnector, s *mailflow.Sender) bool {
		return selected[evaluate.SenderPath(t.Name, s)]
	}, nil
}

// matchSender returns the one sender of a name, or those that a target matches.
func matchSender(target string, ids []probes.PathID) ([]probes.PathID, error) {
	var named []probes.PathID
	for _, id := range ids {
		if id.Path == target {
			named = append(named, id)
		}
	}
	switch {
	case len(named) == 1:
		return named, nil
	case len(named) > 1:
		return nil, fmt.Errorf("several senders have this name, among them %s and %s; name one of these", named[0], named[1])
	}
	found, err := probes.Match(target, ids)
	if err == nil && len(found) == 0 {
		var known []candidate
		for _, id := range ids {
			known = append(known, candidate{id.Path, id.Path})
		}
		err = fmt.Errorf("no such sender; %s", suggestion(target, known))
	}
	return found, err
}
