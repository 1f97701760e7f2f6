package probes

import "slices"

// Reason is why a stage did not pass, as a label value. The list of reasons is closed, and the reason decides the
// outcome.
type Reason string

// ReasonInfo is an entry of the catalogue of reasons.
type ReasonInfo struct {
	Reason   Reason
	Outcome  Outcome   // Failed or Inconclusive
	Sentence string    // what happened, for display; without a full stop
	Remedy   string    // what an administrator can do, in general
	Variants []Variant // what an administrator can do instead, by evidence
}

// Reasons is the catalogue. docs/reasons.md, the pages and the terminal display its texts. To add a reason, add a
// constant and an entry to the file of its group.
//
// The remedies follow Microsoft's "Fix connector validation errors", its NDR pages and "Mail flow intelligence".
var Reasons = slices.Concat(inconclusiveReasons, networkReasons, smtpReasons, tlsReasons, envelopeReasons)

// Info returns a reason's catalogue entry; ok is false for a reason that does not exist.
func (r Reason) Info() (info ReasonInfo, ok bool) {
	for _, info := range Reasons {
		if info.Reason == r {
			return info, true
		}
	}
	return ReasonInfo{}, false
}

// Outcome returns the outcome that the reason decides. A reason that does not exist proves nothing.
func (r Reason) Outcome() Outcome {
	if info, ok := r.Info(); ok {
		return info.Outcome
	}
	return Inconclusive
}
