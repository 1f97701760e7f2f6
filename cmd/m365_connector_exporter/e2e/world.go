//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// world has the servers of the suite and the binary that probes them.
type world struct {
	t        testing.TB
	dir      string
	binary   string
	ca       *authority
	dns      string // host:port of the resolver
	profiles string // host:port of the daemon's profiles
	postfix  *postfix
	servers  map[string]server
	certs    map[string]pair // by server
}

// newWorld starts all servers. They end with the test.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := smallWorld(t)
	services := w.postfixServices()
	exim, keyless, strict, openSMTPD := w.server("exim"), w.server("keyless"), w.server("strict"), w.server("opensmtpd")
	tableless := w.server("tableless")
	w.server("down") // its address answers, but nothing listens
	all := make([]server, 0, len(w.servers))
	for _, s := range w.servers {
		all = append(all, s)
	}
	w.dns = startDNS(t, w.dir, all)
	w.postfix = startPostfix(t, w.dir, services)
	startExim(t, w.dir, exim, w.issue(leaf{name: exim.host()}, "exim"), eximHealthy)
	startExim(t, w.dir, keyless, w.issue(leaf{name: keyless.host()}, "keyless"), eximKeyless)
	startExim(t, w.dir, strict, w.issue(leaf{name: strict.host()}, "strict"), eximStrict)
	startExim(t, w.dir, tableless, w.issue(leaf{name: tableless.host()}, "tableless"), eximLookup)
	startOpenSMTPD(t, w.dir, openSMTPD, w.issue(leaf{name: openSMTPD.host()}, "opensmtpd"))
	return w
}

// smallWorld has the binary and a certificate authority. It starts no servers.
func smallWorld(t testing.TB) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e-") //nolint:usetesting // the servers drop privileges and must look inside
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, binary: os.Getenv(programVar), servers: map[string]server{}, certs: map[string]pair{}}
	w.ca = newAuthority(t, dir)
	return w
}

// server assigns the next address and a free port to a name.
func (w *world) server(name string) server {
	return w.serverAt(name, fmt.Sprintf("127.0.1.%d", 1+len(w.servers)), freePort(w.t))
}

func (w *world) serverAt(name, addr string, port int) server {
	s := server{name: name, addr: addr, port: port}
	w.servers[name] = s
	return s
}

func (w *world) issue(l leaf, name string) pair {
	p := w.ca.issue(l)
	w.certs[name] = p
	return p
}

// postfixServices returns the Postfix services. Those of one path share a port, because a path has one port.
func (w *world) postfixServices() []postfixService {
	var all []postfixService
	addAt := func(s server, l leaf, params map[string]string) {
		if l.name == "" {
			l.name = s.host()
		}
		all = append(all, postfixService{server: s, cert: w.issue(l, s.name), params: params})
	}
	add := func(name string, l leaf, params map[string]string) { addAt(w.server(name), l, params) }
	now := time.Now()
	add("good", leaf{}, nil)
	add("mx1", leaf{}, nil)
	addAt(w.serverAt("mx2", "127.0.2.9", w.servers["mx1"].port), leaf{}, nil)
	add("dual", leaf{}, nil)
	addAt(w.serverAt("six", "::1", w.servers["dual"].port), leaf{name: "*." + zone}, nil)
	add("lame", leaf{}, nil) // nothing listens on its IPv6 address
	port := freePort(w.t)
	for i := range 3 { // nothing listens on 127.0.2.3
		addAt(w.serverAt(fmt.Sprintf("range%d", i), fmt.Sprintf("127.0.2.%d", i), port), leaf{}, nil)
	}
	add("expired", leaf{from: now.AddDate(0, -3, 0), to: now.AddDate(0, 0, -2)}, nil)
	add("future", leaf{from: now.AddDate(0, 0, 2), to: now.AddDate(0, 3, 0)}, nil)
	add("selfsigned", leaf{selfSigned: true}, nil)
	add("nochain", leaf{noChain: true}, nil)
	add("othername", leaf{name: "other.contoso.test"}, nil)
	add("plain", leaf{}, map[string]string{"smtpd_tls_security_level": "none"})
	add("tls12", leaf{}, map[string]string{"smtpd_tls_protocols": "TLSv1.2"})
	add("tls10", leaf{}, map[string]string{
		"smtpd_tls_protocols": "TLSv1", "smtpd_tls_ciphers": "low",
		"tls_low_cipherlist": "ALL:@SECLEVEL=0",
	})
	add("clientcert", leaf{}, map[string]string{
		"smtpd_tls_security_level": "encrypt", "smtpd_tls_req_ccert": "yes", "smtpd_tls_CAfile": w.ca.rootFile,
	})
	add("busy", leaf{}, map[string]string{
		"smtpd_delay_reject": "no", "smtpd_client_restrictions": "check_client_access static:{421 4.3.2 busy}",
	})
	add("tarpit", leaf{}, map[string]string{"smtpd_delay_reject": "no", "smtpd_client_restrictions": "sleep 3"})
	add("nameless", leaf{}, map[string]string{
		"smtpd_recipient_restrictions": "reject_unknown_client_hostname", "unknown_client_reject_code": "550",
	})
	add("sender", leaf{}, map[string]string{
		"smtpd_delay_reject":        "no",
		"smtpd_sender_restrictions": "check_sender_access static:{550 5.7.1 no such sender wanted}",
	})
	add("sender-at-rcpt", leaf{},
		map[string]string{"smtpd_sender_restrictions": "check_sender_access static:{550 5.7.1 no such sender wanted}"})
	add("full-disk", leaf{}, map[string]string{"queue_minfree": "1000000000000000"}) // bytes
	add("recipients", leaf{}, map[string]string{"smtpd_recipient_restrictions": "check_recipient_access inline:{ " +
		"{no@contoso.test = 550 5.7.1 not for you} {grey@contoso.test = 450 4.2.0 come back later} " +
		"{slow@contoso.test = sleep 6} }"})
	return all
}
