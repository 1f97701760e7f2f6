package daemon

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes/regularfile"
)

// The history that pages show is kept in a file beside global.state_file. Nothing depends on it: a file that cannot be
// read is logged and replaced, one that cannot be written is logged.
const (
	historySuffix   = ".history"
	maxHistoryBytes = 64 << 20
	saveEvery       = 5 * time.Minute
)

// historyFile keeps the history of a store.
type historyFile struct {
	path   string // "" keeps none
	store  *collector.Store
	log    *slog.Logger
	failed bool // the last attempt to save failed, which has been logged
}

// newHistoryFile returns the file beside a state file; without one, nothing is kept.
func newHistoryFile(stateFile string, store *collector.Store, log *slog.Logger) *historyFile {
	h := &historyFile{store: store, log: log}
	if stateFile != "" {
		h.path = stateFile + historySuffix
	}
	return h
}

// restore reads the file, if there is one.
func (h *historyFile) restore(ctx context.Context) {
	if h.path == "" {
		return
	}
	c, err := regularfile.Read(ctx, h.path, maxHistoryBytes)
	if err == nil {
		err = h.store.RestoreHistory(c.Data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.log.Warn("the history of earlier rounds cannot be read; a new one begins", slog.String("file", h.path),
			slog.Any("err", err))
	}
}

// run saves the history from time to time, until ctx ends.
func (h *historyFile) run(ctx context.Context) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.save()
		case <-ctx.Done():
			return
		}
	}
}

// save replaces the file as a whole.
func (h *historyFile) save() {
	if h.path == "" {
		return
	}
	err := h.write()
	if err != nil && !h.failed {
		h.log.Warn("the history of rounds cannot be saved", slog.String("file", h.path), slog.Any("err", err))
	}
	h.failed = err != nil
}

func (h *historyFile) write() error {
	return replaceFile(h.path, func(w io.Writer) error { return h.store.SaveHistory(w) })
}

// replaceFile replaces a file as a whole with what write writes. Only the owner may read it.
func replaceFile(path string, write func(io.Writer) error) error {
	// One name, so that nothing is left over however often the process is killed.
	next := path + ".tmp"
	file, err := os.OpenFile(next, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // it is configured
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	err = write(file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return os.Rename(next, path) //nolint:wrapcheck // it names both files
}
