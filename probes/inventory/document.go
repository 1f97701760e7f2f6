package inventory

import (
	"context"
	"errors"
	"time"
)

// Document is a source: an export in memory, such as the records that Exchange Online has returned. It is read by the
// same rules as a file of [ExportFiles].
type Document struct {
	Name string // in errors and warnings
	Data []byte
	Time time.Time // when its records were current
}

// Load decodes the document.
func (d Document) Load(context.Context) (Snapshot, error) {
	l := newExportLoad(ExportFiles{})
	l.fail(Name{}, d.Name, l.parse(Name{}, d.Name, d.Data, d.Time))
	l.snapshot.listUnread()
	return l.snapshot, errors.Join(l.errs...)
}
