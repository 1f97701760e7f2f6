//go:build !race

package web_test

const slow = 1
