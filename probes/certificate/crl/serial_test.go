package crl

import (
	"math/big"
	"testing"
)

// A certificate with a negative serial number is not the one with the positive number.
func TestSerialsAreDistinct(t *testing.T) {
	seen := map[string]int64{}
	for _, n := range []int64{-256, -45, -5, -1, 0, 1, 5, 45, 255, 256} {
		key := serialKey(big.NewInt(n))
		if other, taken := seen[key]; taken {
			t.Errorf("%d and %d have the same key", other, n)
		}
		seen[key] = n
	}
}
