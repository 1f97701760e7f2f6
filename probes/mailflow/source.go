package mailflow

import "time"

// SourceState is the outcome of the last read of a tenant's records from a service. A failed read leaves the records in
// use as they are, so these may be older.
type SourceState struct {
	Source  string    // the service, such as exchange_online
	Read    time.Time // end of the last read; zero if there was none
	Success time.Time // when the connectors in use were read; zero if there are none
	Cmdlets []CmdletState
}

// CmdletState is the outcome of the last call of one cmdlet.
type CmdletState struct {
	Cmdlet   string
	Required bool // it describes connectors or accepted domains
	OK       bool
	Reason   string    // why it failed, of a closed list
	Message  string    // why it failed, for display
	Records  time.Time // when the records in use were read; zero if they are unknown
}

// Failed returns the first required cmdlet that failed. ok is false if all of them succeeded.
func (s SourceState) Failed() (c CmdletState, ok bool) {
	for _, c := range s.Cmdlets {
		if c.Required && !c.OK {
			return c, true
		}
	}
	return CmdletState{}, false
}
