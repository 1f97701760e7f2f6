//go:build race

package web_test

// slow is how much longer the race detector may take.
const slow = 10
