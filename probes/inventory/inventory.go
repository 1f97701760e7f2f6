// Package inventory is where tenants come from: the accepted domains and connectors that Exchange Online has for each
// of them, as administrators' tools export them (Get-AcceptedDomain, Get-OutboundConnector, Get-InboundConnector,
// each with ConvertTo-Json).
//
//  1. A [Source] gives one tenant's records. [ExportFiles] reads them from JSON files, [Document] from
//     what the cmdlets have just returned.
//  2. Each property of a record is an entry of one table, [Properties]: the field it is kept in, its key in the
//     configuration, its name in an export, and its type. The reader of the configuration uses the same table, so a
//     connector written by hand and one that was exported are read by the same rules, strictly the one and leniently
//     the other ([Decoder]).
//  3. [Tenants] keep the last good state of a tenant whose source cannot be loaded, whatever the source.
//  4. [Observations] record the state of what a load has read, so that a change can be detected without a load.
//
// Errors name files, records and keys, never what is in them. The properties are documented at
// https://learn.microsoft.com/powershell/module/exchangepowershell/set-inboundconnector, set-outboundconnector and
// set-accepteddomain.
package inventory

import (
	"context"
	"fmt"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// Source gives the records of one tenant.
type Source interface {
	// Load returns all records that the source has now. It returns an error where one of them could be missing: a
	// half-read inventory must not look like one from which connectors were removed. The snapshot is returned then, too,
	// as far as it was read.
	Load(ctx context.Context) (Snapshot, error)
}

// Snapshot is what a source holds at one time.
type Snapshot struct {
	AcceptedDomains []mailflow.AcceptedDomain
	Outbound        []mailflow.OutboundConnector
	Inbound         []mailflow.InboundConnector
	Organization    mailflow.Organization

	Time      time.Time               // of the oldest part; zero where there is none
	Parts     map[string]Kind         // the files it was read from, with the kinds of their records
	Warnings  []string                // about the files and their values
	Unmatched []Name                  // patterns that match no file
	Unread    []mailflow.UnreadRecord // values that cannot be read, of records that count

	at     map[Kind]map[string]int // records by name
	unread map[recordKey]*mailflow.UnreadRecord

	records, listed int // that were read, and the items of their lists; see overLimit
}

// overLimit returns an error if a snapshot has more than any tenant. What exceeds the limits was not kept.
func (s *Snapshot) overLimit() error {
	switch {
	case s.records > maxRecords:
		return fmt.Errorf("more than %d records in the tenant's exports", maxRecords)
	case s.listed > maxListed:
		return fmt.Errorf("more than %d items in the lists of the tenant's records", maxListed)
	default:
		return nil
	}
}
