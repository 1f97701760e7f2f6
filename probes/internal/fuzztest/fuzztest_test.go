package fuzztest_test

import (
	"fmt"
	"testing"

	"m365_connector_exporter/probes/internal/fuzztest"
)

func TestSplit(t *testing.T) {
	for data, want := range map[string]string{
		"":                            "[]",
		"\x00":                        "[]",
		"\x00\x01a\x00\x00\x00\x02bc": `["a" "" "bc"]`,
		"\xff\xffabc":                 `["abc"]`, // shorter than its length says
		string(fuzztest.Join([]byte("a"), nil, []byte("bc"))): `["a" "" "bc"]`,
	} {
		if got := fmt.Sprintf("%q", fuzztest.Split([]byte(data))); got != want {
			t.Errorf("%q: %s, want %s", data, got, want)
		}
	}
}
