//go:build !windows

package main

// asService runs the program as a Windows service; elsewhere there is none.
func asService() (code int, ok bool) { return 0, false }
