package daemon

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

func storeOf(id probes.PathID) *collector.Store {
	s := collector.NewStore(time.Now)
	s.SetInventory(nil, []probes.Path{{ID: id}})
	return s
}

func TestHistoryIsKeptBesideTheStateFile(t *testing.T) {
	id := probes.PathID{Tenant: "contoso", Direction: "outbound", Connector: "c", Path: "mail.contoso.com"}
	state := filepath.Join(t.TempDir(), "state")
	before := storeOf(id)
	before.Record(probes.Result{Path: id, Started: time.Now().Add(-time.Minute), Duration: time.Second})
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	newHistoryFile(state, before, logger).save()
	after := storeOf(id)
	newHistoryFile(state, after, logger).restore(t.Context())
	if got := after.Find(id).History; len(got) != 1 || got[0].Duration != time.Second || log.Len() > 0 {
		t.Errorf("restored %v, log %s", got, &log)
	}
	if left, err := filepath.Glob(state + "*"); err != nil || len(left) != 1 {
		t.Errorf("files %q (%v)", left, err)
	}
	info, err := os.Stat(state + ".history")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestBadHistoryFileIsReplaced: it is logged, nothing is restored, and the next save replaces it.
func TestBadHistoryFileIsReplaced(t *testing.T) {
	id := probes.PathID{Tenant: "contoso", Direction: "outbound", Connector: "c", Path: "mail.contoso.com"}
	state := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(state+".history", []byte("\x00garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	h := newHistoryFile(state, storeOf(id), slog.New(slog.NewTextHandler(&log, nil)))
	h.restore(t.Context())
	if !strings.Contains(log.String(), "it is not a history of this exporter") {
		t.Errorf("log %q", &log)
	}
	h.save()
	if text, err := os.ReadFile(state + ".history"); err != nil || !strings.HasPrefix(string(text), `{"saved":`) {
		t.Errorf("%s (%v)", text, err)
	}
}

func TestUnwritableHistoryIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	h := newHistoryFile(filepath.Join(t.TempDir(), "missing", "state"), collector.NewStore(time.Now),
		slog.New(slog.NewTextHandler(&log, nil)))
	h.restore(t.Context())
	h.save()
	h.save()
	if n := strings.Count(log.String(), "the history of rounds cannot be saved"); n != 1 {
		t.Errorf("logged %d times: %s", n, &log)
	}
}

func TestWithoutStateFileNoHistoryIsSaved(t *testing.T) {
	h := newHistoryFile("", collector.NewStore(time.Now), slog.New(slog.DiscardHandler))
	h.restore(t.Context())
	h.save()
	if h.failed {
		t.Error("it tries to save")
	}
}
