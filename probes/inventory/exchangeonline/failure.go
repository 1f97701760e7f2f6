package exchangeonline

import "fmt"

// Reason is why a cmdlet, or the whole read, failed. The list is closed.
type Reason string

// The reasons.
const (
	TokenRejected  Reason = "token_rejected"  // Entra ID issues no token, or Exchange Online refuses it
	ConsentMissing Reason = "consent_missing" // the permission Exchange.ManageAsApp is not granted in the tenant
	RoleMissing    Reason = "role_missing"    // the application has no directory role that allows the cmdlet
	Throttled      Reason = "throttled"       // too many requests, even after waiting
	Truncated      Reason = "truncated"       // not all records were returned
	Unreachable    Reason = "unreachable"     // no response, or none of the service
	Malformed      Reason = "malformed"       // a response that cannot be parsed
)

// Reasons lists all reasons.
var Reasons = []Reason{
	TokenRejected, ConsentMissing, RoleMissing, Throttled, Truncated, Unreachable, Malformed,
}

// Failure is why a cmdlet failed. Message consists of texts of this package, numbers and names of the configuration; it
// never quotes a peer.
type Failure struct {
	Reason  Reason
	Message string
}

func (f *Failure) Error() string { return f.Message }

func failure(r Reason, format string, args ...any) *Failure {
	return &Failure{r, fmt.Sprintf(format, args...)}
}

// transient reports whether a failure may end without action by an administrator. The previous answer then remains in
// use.
func (f *Failure) transient() bool {
	switch f.Reason {
	case ConsentMissing, RoleMissing:
		return false
	default:
		return true
	}
}
