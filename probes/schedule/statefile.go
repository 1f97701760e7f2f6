package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"m365_connector_exporter/probes/regularfile"
)

// Limits of the state file.
const (
	maxStateBytes = 16 << 20
	stateKeeps    = 366 * 24 * time.Hour // older times are dropped
	clockSkew     = 5 * time.Minute      // how far in the future a time may be, after a correction of the clock
)

// CheckStateFile returns an error if a state file cannot be used: it cannot be read, is not a state file, is too large,
// has a time in the future, or cannot be replaced. A missing file in a writable folder is OK, and so is no file ("").
func CheckStateFile(file string, now time.Time) error {
	if file == "" {
		return nil
	}
	state, err := readState(file)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(state)) {
		if at := state[key]; at.Sub(now) > clockSkew {
			return fmt.Errorf("%s: the last message or control of %s is dated %s, which is in the future: "+
				"check the clock of this host, then remove the entry", file, key, at.UTC().Format(time.RFC3339))
		}
	}
	return checkWritable(file)
}

// checkWritable tries to create a file beside the state file, as writeState does.
func checkWritable(file string) error {
	temp, err := os.CreateTemp(filepath.Dir(file), temporaryName(file))
	if err != nil {
		return err
	}
	return errors.Join(temp.Close(), os.Remove(temp.Name()))
}

// temporaryName returns the pattern of the names of the temporary files beside a state file.
func temporaryName(file string) string { return filepath.Base(file) + ".*.tmp" }

// readState reads a state file: a JSON object with the time of the last message of each path. The last negative
// controls of a path have a key with a suffix. A missing or empty file has no entries.
func readState(file string) (map[string]time.Time, error) {
	c, err := regularfile.Read(context.Background(), file, maxStateBytes)
	state := map[string]time.Time{}
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(c.Data) == 0:
		return state, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	valid := json.Unmarshal(c.Data, &state) == nil && state != nil
	for _, at := range state {
		valid = valid && !at.IsZero() // null: a missing time must not count as one long ago
	}
	if !valid {
		return nil, fmt.Errorf("%s is not a state file of this exporter", file)
	}
	return state, nil
}

// writeState replaces a state file as a whole and returns when it is on disk.
func writeState(file string, state map[string]time.Time, now time.Time) error {
	for key, at := range state {
		if now.Sub(at) > stateKeeps {
			delete(state, key)
		}
	}
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	return regularfile.Replace(file, append(text, '\n'), 0o600, temporaryName(file))
}
