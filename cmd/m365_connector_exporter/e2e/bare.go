//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/smtp"
	"os"
	"runtime"
	"syscall"
	"time"
)

// cost is the resource usage of a number of probes.
type cost struct {
	Probes  int
	CPU     time.Duration // user and system
	Mallocs float64
	Took    []time.Duration // duration of each probe, as measured by the prober
}

func (c *cost) add(o cost) {
	c.Probes += o.Probes
	c.CPU += o.CPU
	c.Mallocs += o.Mallocs
	c.Took = append(c.Took, o.Took...)
}

// bareOrder is the task of the bare client, passed as JSON.
type bareOrder struct {
	Roots    string // file with the root certificates
	Port     string
	From, To int           // peers From to To-1 are probed
	Every    time.Duration // interval between probes; 0: atOnce probes in parallel
	Least    bool          // cheapest handshake: no verification, X25519 only
}

// probeBare is a role: a Go client with the standard library's defaults, which records nothing. Its argument is a
// bareOrder as JSON; it prints its cost as JSON.
func probeBare(args []string) error {
	if len(args) != 1 {
		return errors.New("probeBare: want one argument, a bareOrder as JSON")
	}
	var o bareOrder
	if err := json.Unmarshal([]byte(args[0]), &o); err != nil {
		return err
	}
	pem, err := os.ReadFile(o.Roots)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	probe := func(i int) (time.Duration, error) {
		start := time.Now()
		config := &tls.Config{ServerName: peerName, RootCAs: roots}
		if o.Least {
			config.InsecureSkipVerify = true // to measure what verification costs
			config.CurvePreferences = []tls.CurveID{tls.X25519}
		}
		err := bareProbe(net.JoinHostPort(peerAddress(i), o.Port), config)
		return time.Since(start), err
	}
	var took []time.Duration
	before := usage()
	if o.Every > 0 {
		took, err = eachIn(o.Every, o.To-o.From, func(i int) (time.Duration, error) { return probe(o.From + i) })
	} else {
		took, err = inParallel(o.From, o.To, probe)
	}
	if err != nil {
		return err
	}
	after := usage()
	return json.NewEncoder(os.Stdout).Encode(cost{
		len(took), after.CPU - before.CPU, after.Mallocs - before.Mallocs,
		took,
	})
}

// usage returns the CPU time and allocations of this process so far.
func usage() cost {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with RUSAGE_SELF
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return cost{CPU: time.Duration(u.Utime.Nano() + u.Stime.Nano()), Mallocs: float64(m.Mallocs)}
}

// bareProbe runs one SMTP session: greeting, EHLO, STARTTLS, TLS handshake, EHLO, QUIT.
func bareProbe(addr string, config *tls.Config) error {
	conn, err := net.DialTimeout("tcp4", addr, probeTimeout)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(probeTimeout)); err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, peerName)
	if err != nil {
		return err
	}
	if err := c.Hello("prober.contoso.test"); err != nil {
		return err
	}
	if err := c.StartTLS(config); err != nil {
		return err
	}
	return c.Quit()
}
