//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// trustedConfigs lists the configurations with which Debian's exim keeps its privileges.
const trustedConfigs = "/etc/exim4/trusted_configs"

// eximConf is an Exim that relays for no host and has one mailbox.
const eximConf = `exim_path = %[1]s
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = %[2]s
spool_directory = %[3]s/spool
log_file_path = %[3]s/%%slog
pid_file_path = %[3]s/exim.pid
local_interfaces = <; [%[4]s]:%[5]d
daemon_smtp_ports = %[5]d
keep_environment =
host_lookup =
rfc1413_hosts =
queue_only
tls_advertise_hosts = *
tls_certificate = %[6]s
tls_privatekey = %[7]s
%[8]s
acl_smtp_rcpt = recipient
begin acl
recipient:
  accept domains = ` + zone + `
         local_parts = probe
  deny   domains = ` + zone + `
         message = Unknown user
  deny   message = relay not permitted
`

// eximState is a fault of an Exim.
type eximState int

const (
	eximHealthy eximState = iota
	// the Exim user cannot read the key, so that STARTTLS is answered with 454: a common mistake
	eximKeyless
	eximStrict // refuses the handshake without a client certificate
	eximLookup // one of its tables cannot be read
)

// startExim runs Debian's exim.
func startExim(t testing.TB, dir string, s server, cert pair, state eximState) {
	t.Helper()
	binary := fromEnvironment(t, "E2E_EXIM", "/usr/sbin/exim4")
	home := filepath.Join(dir, "exim-"+s.name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "chown", "Debian-exim", home)
	key, more := cert.key, "acl_smtp_mail = ${lookup{x}lsearch{"+eximTable(dir, s)+"}{accept}{accept}}"
	if state != eximLookup {
		writeFile(t, eximTable(dir, s), "x: accept\n", 0o644)
	}
	if state == eximStrict {
		more += "\ntls_verify_hosts = *\ntls_verify_certificates = " + cert.chain
	}
	if state != eximKeyless {
		key = filepath.Join(home, "key.pem")
		run(t, dir, "install", "-o", "Debian-exim", "-m", "0400", cert.key, key)
	}
	// exim refuses a configuration in a directory that another user owns
	conf := filepath.Join(dir, "exim-"+s.name+".conf")
	writeFile(t, conf, fmt.Sprintf(eximConf, binary, s.host(), home, s.addr, s.port, cert.chain, key, more), 0o644)
	trustConfig(t, conf)
	start(t, binary, "-C", conf, "-bdf").listens(s.listen())
}

// eximTable is the table that an Exim reads at each MAIL FROM. It answers with 451 while the file is missing.
func eximTable(dir string, s server) string { return filepath.Join(dir, "exim-"+s.name, "table") }

// trustConfig adds a configuration to trustedConfigs and removes it at the end of the test.
func trustConfig(t testing.TB, conf string) {
	t.Helper()
	before, err := os.ReadFile(trustedConfigs)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(trustedConfigs), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, trustedConfigs, string(before)+conf+"\n", 0o644)
	t.Cleanup(func() {
		now, err := os.ReadFile(trustedConfigs)
		if err != nil {
			t.Error(err)
			return
		}
		writeFile(t, trustedConfigs, strings.ReplaceAll(string(now), conf+"\n", ""), 0o644)
	})
}

// fromEnvironment returns the program that an environment variable names, or the default path. A missing program fails
// the test: no test is skipped.
func fromEnvironment(t testing.TB, variable, defaultPath string) string {
	t.Helper()
	file := os.Getenv(variable)
	if file == "" {
		file = defaultPath
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%v (set %s, or let .ci/run install what the suite needs)", err, variable)
	}
	return file
}
