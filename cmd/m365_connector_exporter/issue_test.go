package main

import (
	"encoding/pem"
	"os"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"m365_connector_exporter/probes/lab"
)

var scriptCA = sync.OnceValues(func() (*lab.CA, error) { return lab.NewCA(time.Now()) })

// issue is a command of the scripts: issue [-expired|-alone] FILE [NAME…] writes a certificate with its chain
// (-alone: without), or the root where no name is given.
func issue(ts *testscript.TestScript, _ bool, args []string) {
	leaf := lab.Leaf{NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	switch args[0] {
	case "-expired":
		leaf.NotBefore, leaf.NotAfter, args = leaf.NotBefore.AddDate(0, -1, 0), leaf.NotBefore, args[1:]
	case "-alone":
		leaf.OmitIntermediate, args = true, args[1:]
	}
	ca, err := scriptCA()
	ts.Check(err)
	data := ca.RootPEM()
	if leaf.Names = args[1:]; len(leaf.Names) > 0 {
		issued, err := ca.Issue(leaf)
		ts.Check(err)
		data = nil
		for _, der := range issued.Certificate {
			data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}
