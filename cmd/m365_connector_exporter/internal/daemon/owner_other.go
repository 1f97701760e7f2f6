//go:build !unix

package daemon

// checkOwner does nothing: here files do not belong to the user of a process alone.
func checkOwner(string) error { return nil }
