// Package probes defines the terms of the exporter as types. Data flows through it in four steps, in one direction:
//
//   - inventory: probes/inventory reads tenants and their connectors ([mailflow.Tenant]);
//   - probe: [Plan] turns tenants into paths, probes/schedule decides when each path is due, and a [Prober], such as
//     that of probes/smtpprobe, probes it;
//   - evaluate: collector stores the latest results, and collector/evaluate combines them;
//   - expose: /metrics, the pages, JSON and the terminal show the evaluation.
//
// The terms:
//
//   - A path ([Path], [PathID]) is one way for mail through a connector. An outbound path leads from Microsoft 365 to
//     your own servers or to a partner: it consists of a connector and one of its next hops, a smart host or, with
//     UseMXRecord, a recipient domain. An inbound path consists of a connector and one of the senders that use it.
//   - An [Endpoint] is one address of one host that the next hop resolves to. All of them are probed.
//   - A round is one probe of all endpoints of a path. Its [Result] always has a whole value: failures are part of it.
//   - A [Stage] is a step of an SMTP session: resolve, connect, ehlo, tls, recipient or message. The stages correspond
//     to the tasks of Microsoft's connector validation.
//   - An [Outcome] is what a stage, an endpoint or a round proved. A stage that did not pass has one [Reason] of a
//     closed list, and the reason decides the outcome. Inconclusive is not a failure: the probe could not decide.
//   - A [Judgement] answers one question about a certificate ([Verdict]).
//
// The package is pure: it does no I/O, reads no clock and knows no metrics.
package probes
