package exchangeonline

import "fmt"

// Reason is why a cmdlet, or the whole read, failed. The list is closed.
type Reason string

// The reasons.
const (
	TokenRejected  Reason = "token_rejected"  // Entra ID gives no token, or Exchange Online refuses it
	ConsentMissing Reason = "consent_missing" // the permission Exchange.ManageAsApp is not granted in the tenant
	RoleMissing    Reason = "role_missing"    // the application has no directory role that allows the cmdlet
	Throttled      Reason = "throttled"       // too many requests, for longer than is waited
	Truncated      Reason = "truncated"       // not all records were returned
	Unreachable    Reason = "unreachable"     // no answer, or not from the service
	Malformed      Reason = "malformed"       // an answer that cannot be understood
)

// Reasons are all of them.
var Reasons = []Reason{
	TokenRejected, ConsentMissing, RoleMissing, Throttled, Truncated, Unreachable, Malformed,
}

// Failure is why a cmdlet failed. Message consists of words of this package, numbers and names of the configuration:
// it never quotes what a peer has sent.
type Failure struct {
	Reason  Reason
	Message string
}

func (f *Failure) Error() string { return f.Message }

func failure(r Reason, format string, args ...any) *Failure {
	return &Failure{r, fmt.Sprintf(format, args...)}
}

// transient reports whether a failure may go away without anybody doing anything. The answer before it then still
// counts.
func (f *Failure) transient() bool {
	switch f.Reason {
	case ConsentMissing, RoleMissing:
		return false
	default:
		return true
	}
}
