package mailflow

import "time"

// SourceState is what the newest read of a tenant's records from a service came to. The records in use may be older: a
// failed read changes none.
type SourceState struct {
	Source  string    // the service, such as exchange_online
	Read    time.Time // the end of the newest read; zero: there was none yet
	Success time.Time // when the connectors in use were read; zero: there are none
	Cmdlets []CmdletState
}

// CmdletState is what the newest call of one cmdlet came to.
type CmdletState struct {
	Cmdlet   string
	Required bool // it describes connectors or accepted domains
	OK       bool
	Reason   string    // why it failed, of a closed list
	Message  string    // the same for people
	Records  time.Time // when the records in use were read; zero: there are none, and what needs them is not judged
}

// Failed returns the first required cmdlet that failed; false where all of them succeeded.
func (s SourceState) Failed() (CmdletState, bool) {
	for _, c := range s.Cmdlets {
		if c.Required && !c.OK {
			return c, true
		}
	}
	return CmdletState{}, false
}
