package smtpprobe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// control is the negative control that a session runs.
type control struct {
	probes.Control
	certificate *tls.Certificate // presented to any server; nil presents none
	accepted    probes.Reply     // to RCPT TO
}

// ControlEndpoints returns the endpoints of a round at which the path's controls may be run: those that replied to
// EHLO in it. Controls of inbound paths are for Exchange Online, those of outbound paths for all other servers.
func ControlEndpoints(path *probes.Path, round *probes.Result) []probes.Endpoint {
	if len(path.Controls) == 0 {
		return nil
	}
	var at []probes.Endpoint
	for _, e := range round.Endpoints {
		inbound := path.ID.Direction == mailflow.Inbound
		if e.Steps[probes.EHLO].Outcome == probes.Passed && e.HideAddress == inbound {
			at = append(at, e)
		}
	}
	return at
}

// RunControls runs the negative controls of a path at endpoints of its latest round: the endpoints in parallel, the
// controls of one endpoint one after the other, each on its own connection after waiting for the limiter. A control
// ends at RCPT TO: DATA is never sent, whatever the server accepts.
func (p *Prober) RunControls(ctx context.Context, path *probes.Path, at []probes.Endpoint) []probes.ControlResult {
	results := make([][]probes.ControlResult, len(at))
	var wg sync.WaitGroup
	for i := range at {
		wg.Go(func() {
			for _, c := range path.Controls {
				results[i] = append(results[i], p.runControl(ctx, path, at[i], c))
			}
		})
	}
	wg.Wait()

	return slices.Concat(results...)
}

// runControl runs one control at one endpoint.
func (p *Prober) runControl(
	ctx context.Context, path *probes.Path, at probes.Endpoint, c probes.Control,
) probes.ControlResult {
	result := probes.ControlResult{Control: c, Host: at.Host, At: p.opts.Now()}
	if !at.HideAddress {
		result.Address = at.Addr.Addr().String()
	}
	trial := control{Control: c}
	if c.Certificate != "" {
		certificate, err := selfSignedCertificate(c.Certificate, result.At)
		if err != nil {
			result.Judge(probes.TLSStage, probes.NewStep(probes.ReasonInternalError, err.Error()))
			return result
		}
		trial.certificate = certificate
	}
	endpoint := probes.Endpoint{Host: at.Host, Addr: at.Addr, HideAddress: at.HideAddress}
	endpoint.Steps[probes.Resolve] = probes.NewStep("", "")
	(&session{
		prober: p, path: controlPath(path, c), endpoint: &endpoint, slot: &messageSlot{}, control: &trial,
	}).run(ctx)
	result.Judge(endOf(&endpoint, &trial))
	return result
}

// controlPath returns the path of a control's session: up to RCPT TO, with the control's envelope. Towards Exchange
// Online it requires TLS, so that the session does not continue in clear text when STARTTLS fails.
func controlPath(path *probes.Path, c probes.Control) *probes.Path {
	p := *path
	p.Settings.Until, p.Message, p.UseClientCertificate = probes.Recipient, nil, false
	p.OwnSender = path.OwnSender && c.MailFrom == path.MailFrom
	p.MailFrom, p.Recipients = c.MailFrom, []string{c.Recipient}
	if p.TLSSettings, p.TLSDomain = mailflow.Opportunistic, ""; path.ID.Direction == mailflow.Inbound {
		p.TLSSettings = mailflow.EncryptionOnly
	}
	return &p
}

// endOf returns the last step of a control's session. If the server did not request the certificate, it was not tried.
func endOf(e *probes.Endpoint, c *control) (probes.Stage, probes.Step) {
	if stage, step, problem := e.FirstProblem(); problem {
		return stage, step
	}
	if c.Certificate != "" && (e.TLS == nil || !e.TLS.ClientCertificateSent) {
		return probes.TLSStage, probes.Step{
			Outcome: probes.Inconclusive, Detail: "the server did not request a client certificate: none was presented",
		}
	}
	last := e.Steps[probes.Recipient]
	last.Reply = c.accepted
	return probes.Recipient, last
}

// selfSignedCertificate makes a client certificate that no authority has issued. It is valid for a day and is never
// stored.
func selfSignedCertificate(name string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("key of the self-signed certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("self-signed certificate for %q: %w", name, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
