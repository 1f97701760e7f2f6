//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"
)

// postfixService is one smtpd of the instance: where it listens, its certificate, and the parameters that make it
// work or fail.
type postfixService struct {
	server
	cert   pair
	params map[string]string
}

// postfix is a running instance with its own configuration, queue and mailboxes.
type postfix struct {
	t       testing.TB
	dir     string
	mailbox string // the Maildir of probe@contoso.test
}

// mainCF is the main.cf of the instance. DNS is not used, and no mail is relayed.
const mainCF = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = %[1]s/postfix.log
maillog_file_prefixes = %[1]s
myhostname = mail.%[2]s
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1, ::1
inet_protocols = all
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
default_transport = error:nothing leaves this instance
relayhost =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = %[2]s
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = inline:{ {probe@%[2]s = probe/} }
virtual_uid_maps = static:%[3]d
virtual_gid_maps = static:%[3]d
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
`

// masterCF lists the daemons that every instance needs, without chroot.
const masterCF = `pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
proxywrite unix - - n -     1 proxymap
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
postlog   unix-dgram n - n - 1 postlogd
`

// startPostfix runs one instance with all services. The log is printed when the test fails.
func startPostfix(t testing.TB, dir string, services []postfixService) *postfix {
	t.Helper()
	p := &postfix{t: t, dir: filepath.Join(dir, "postfix")}
	p.mailbox = filepath.Join(p.dir, "mail", "probe")
	for _, sub := range []string{"etc", "queue", "data", "mail"} {
		if err := os.MkdirAll(filepath.Join(p.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "chown", "postfix", filepath.Join(p.dir, "data"))
	run(t, dir, "chown", mailOwner, filepath.Join(p.dir, "mail"))
	etc := filepath.Join(p.dir, "etc")
	writeFile(t, filepath.Join(etc, "main.cf"), fmt.Sprintf(mainCF, p.dir, zone, mailUID), 0o644)
	p.write(services)
	run(t, dir, "/usr/sbin/postfix", "-c", etc, "start")
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(p.dir, "postfix.log")); t.Failed() && err == nil {
			t.Logf("postfix.log:\n%s", log)
		}
		run(t, dir, "/usr/sbin/postfix", "-c", etc, "stop")
	})
	for _, s := range services {
		awaitListener(t, s.listen(), nil)
	}
	return p
}

// write writes master.cf.
func (p *postfix) write(services []postfixService) {
	p.t.Helper()
	var master strings.Builder
	master.WriteString(masterCF)
	for _, s := range services {
		master.WriteString(s.line())
	}
	writeFile(p.t, filepath.Join(p.dir, "etc", "master.cf"), master.String(), 0o644)
}

// reload replaces the services of the running instance: those left out no longer listen.
func (p *postfix) reload(services []postfixService) {
	p.t.Helper()
	p.write(services)
	run(p.t, p.dir, "/usr/sbin/postfix", "-c", filepath.Join(p.dir, "etc"), "reload")
}

// mailOwner owns the mailboxes; every Debian has the user "nobody".
const (
	mailOwner = "nobody"
	mailUID   = 65534
)

// line returns the service as an entry of master.cf. params override the parameters that cert implies.
func (s postfixService) line() string {
	params := map[string]string{
		"myhostname": s.host(), "smtpd_tls_security_level": "may",
		"syslog_name": "postfix/" + s.name,
	}
	if s.cert.chain != "" {
		params["smtpd_tls_chain_files"] = s.cert.key + " " + s.cert.chain
	}
	maps.Copy(params, s.params)
	names := make([]string, 0, len(params))
	for k := range params {
		names = append(names, k)
	}
	sort.Strings(names)
	var b strings.Builder
	fmt.Fprintf(&b, "%s inet n - n - - smtpd\n", s.listen())
	for _, k := range names {
		fmt.Fprintf(&b, "  -o { %s = %s }\n", k, params[k])
	}
	return b.String()
}

// mails returns the messages in the mailbox.
func (p *postfix) mails() []string {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.mailbox, "new", "*"))
	if err != nil {
		p.t.Fatal(err)
	}
	texts := make([]string, 0, len(files))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			p.t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// awaitMails returns the messages when there are at least as many as wanted, or after a time limit.
func (p *postfix) awaitMails(want int) []string {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		mails := p.mails()
		if len(mails) >= want || time.Now().After(end) {
			return mails
		}
	}
}
