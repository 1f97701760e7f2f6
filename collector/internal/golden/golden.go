// Package golden compares what tests make with files that people have read. Tests alone import it.
package golden

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files and generated documents")

// Check fails if the file holds something else; with -update it is written instead.
func Check(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file) //nolint:gosec // a test names it
	if err != nil || string(want) != got {
		t.Errorf("%s differs (%v); run with -update and read the difference. Now:\n%s", file, err, got)
	}
}
