package text

import (
	"encoding/csv"
	"io"
	"strings"
	"time"

	"m365_connector_exporter/collector/check"
)

// csvColumns are the columns of FindingsCSV. Columns are only ever added, at the end.
var csvColumns = []string{
	"severity", "check", "tenant", "direction", "connector", "path", "title", "evidence", "uncertain", "remedy", "source",
	"suppressed_until",
}

// FindingsCSV prints the findings at or above a severity for spreadsheets (RFC 4180), one row each, suppressed ones
// too. The lines of the evidence are separated by line breaks inside their cell.
func FindingsCSV(w io.Writer, all []check.Finding, least check.Severity) error {
	out := csv.NewWriter(w)
	_ = out.Write(csvColumns) // Error returns the first error
	for _, f := range all {
		if f.Severity < least {
			continue
		}
		info, _ := check.Lookup(f.Code)
		suppressed := ""
		if f.Suppressed != nil {
			suppressed = f.Suppressed.Expires.UTC().Format(time.RFC3339)
		}
		row := []string{
			f.Severity.String(), f.Code, f.Tenant, string(f.Direction), f.Connector, f.Path, info.Title,
			strings.Join(f.Evidence, "\n"), f.Uncertain, info.Remedy, info.Source, suppressed,
		}
		for i, cell := range row {
			row[i] = csvCell(cell)
		}
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
}

// csvCell makes a cell printable. A spreadsheet takes a cell that begins with one of these characters for a formula,
// and names come from a tenant's export: an apostrophe makes it a text.
func csvCell(s string) string {
	s = printableLines(s)
	if strings.HasPrefix(s, "=") || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "@") {
		return "'" + s
	}
	return s
}
