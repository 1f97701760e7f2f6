// Package probes is the vocabulary of the exporter. Its data flows in four steps, one way:
//
//   - inventory: probes/inventory reads tenants and their connectors, [mailflow.Tenant];
//   - probe: [Plan] turns tenants into paths, probes/schedule decides when each path is due, and a [Prober] such as
//     probes/smtpprobe probes it;
//   - evaluate: collector keeps the newest results and judges them together;
//   - expose: /metrics, the pages, JSON and the terminal show that evaluation.
//
// The nouns:
//
//   - A path ([Path], [PathID]) is one way that mail can take. Outbound, from Microsoft 365 to the organisation's
//     own servers or a partner: a connector and one of its next hops, which is a smart host or, with UseMXRecord, a
//     recipient domain. Inbound: a connector and one of the senders that use it.
//   - An [Endpoint] is one address of one host that the next hop resolves to. All of them are probed.
//   - A round is one probe of all endpoints of a path. Its [Result] is a whole value: failures are in it.
//   - A [Stage] is a step of an SMTP session. The stages have the names of Microsoft's connector validation:
//     resolve, connect, ehlo, tls, recipient, message.
//   - An [Outcome] is what a stage, an endpoint or a round proved. A stage that did not pass has one [Reason] of a
//     closed list, and the reason decides the outcome. Inconclusive is not a failure: the probe could not decide.
//   - A [Judgement] answers one question about a certificate ([Verdict]).
//
// The package is pure: it does no I/O, reads no clock and knows no metrics.
package probes
