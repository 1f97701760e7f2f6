// Package inventory loads tenants: the accepted domains and connectors of each of them in Exchange Online, as the
// cmdlets Get-AcceptedDomain, Get-OutboundConnector and Get-InboundConnector return them and ConvertTo-Json writes
// them.
//
//  1. A [Source] provides the records of one tenant. [ExportFiles] reads JSON files, [Document] what the cmdlets have
//     just returned.
//  2. Each property of a record is an entry of one table, [Properties]: its field, its key in the configuration, its
//     name in an export, and its type. The configuration is read by the same table, so that a connector written by hand
//     and an exported one follow the same rules, except that exports are read leniently ([Decoder]).
//  3. [Tenants] keeps the last good state of a tenant whose source cannot be loaded, whatever the source is.
//  4. [Observations] records the state of what a load has read, so that changes can be detected without another load.
//
// Errors name files, records and keys, never values. The properties are documented at
// https://learn.microsoft.com/powershell/module/exchangepowershell/set-inboundconnector, set-outboundconnector and
// set-accepteddomain.
package inventory

import (
	"context"
	"fmt"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// Source provides the records of one tenant.
type Source interface {
	// Load returns all records of the source. It returns an error if any of them may be missing, because an incomplete
	// inventory must not look like one from which connectors were removed. With an error, the snapshot has the records
	// that could be read.
	Load(ctx context.Context) (Snapshot, error)
}

// Snapshot is the content of a source at one time.
type Snapshot struct {
	AcceptedDomains []mailflow.AcceptedDomain
	Outbound        []mailflow.OutboundConnector
	Inbound         []mailflow.InboundConnector
	Organization    mailflow.Organization

	Time      time.Time               // of the oldest part; zero if there is none
	Parts     map[string]Kind         // the files it was read from, with the kinds of their records
	Warnings  []string                // about the files and their values
	Unmatched []Name                  // patterns that match no file
	Unread    []mailflow.UnreadRecord // values that cannot be read, of records that count

	at     map[Kind]map[string]int // records by name
	unread map[recordKey]*mailflow.UnreadRecord

	records, listed int // number of records read, and of the items in their lists; see overLimit
}

// overLimit returns an error if a snapshot exceeds the limits of a tenant. What exceeds them was not kept.
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
