//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
)

// startOpenSMTPD runs OpenSMTPD. Debian 12's build offers STARTTLS, answers 220 and then fails every handshake.
func startOpenSMTPD(t testing.TB, dir string, s server, cert pair) {
	t.Helper()
	binary := fromEnvironment(t, "E2E_OPENSMTPD", "/usr/sbin/smtpd")
	conf := filepath.Join(dir, "smtpd.conf")
	writeFile(t, conf, fmt.Sprintf(`pki sick cert %[1]q
pki sick key %[2]q
listen on %[3]s port %[4]d hostname %[5]s tls pki sick
action "drop" mbox
match from any for domain %[6]q action "drop"
`, cert.chain, cert.key, s.addr, s.port, s.host(), zone), 0o600)
	start(t, binary, "-d", "-f", conf).listens(s.listen())
}
