package lab

import (
	"bytes"
	"testing"
	"time"
)

func TestSeriesIsRenewedUntilItStops(t *testing.T) {
	begin := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ca, err := NewCA(begin)
	if err != nil {
		t.Fatal(err)
	}
	s, last, renewals := ca.Series(6*24*time.Hour, 72*time.Hour, "mail.contoso.com"), []byte(nil), 0
	for hour := range 300 {
		s.Stopped = hour > 200
		now := begin.Add(time.Duration(hour) * time.Hour)
		c, err := s.At(now)
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && !bytes.Equal(c.Certificate[0], last) {
			renewals++
			if hour%72 != 0 {
				t.Errorf("renewed after %d hours", hour)
			}
		}
		last = c.Certificate[0]
	}
	if renewals != 2 {
		t.Errorf("%d renewals", renewals)
	}
	if _, err := ca.Series(time.Hour, time.Hour).At(begin); err == nil {
		t.Error("a series without names")
	}
}
