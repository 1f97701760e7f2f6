package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEvents(t *testing.T) {
	type entry struct {
		Level eventLevel
		Line  string
	}
	var got []entry
	e := events{func(l eventLevel, line string) { got = append(got, entry{l, line}) }}
	text := "time=x level=INFO msg=a\r\n\n{\"level\":\"WARN\"}\ntime=x level=ERROR msg=\"b\x00\xff\"\n" +
		strings.Repeat("x", 2*maxEvent)
	if n, err := e.Write([]byte(text)); err != nil || n != len(text) {
		t.Fatal(n, err)
	}
	want := []entry{
		{eventInfo, "time=x level=INFO msg=a"},
		{eventWarning, `{"level":"WARN"}`},
		{eventError, "time=x level=ERROR msg=\"b\uFFFD\""},
		{eventInfo, strings.Repeat("x", maxEvent)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
