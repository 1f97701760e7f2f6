package smtpprobe

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// openSSL is a server of OpenSSL: what Go cannot serve, others do. SMTP before the handshake is the script's.
func openSSL(t *testing.T, key []string, options ...string) func(net.Conn) {
	t.Helper()
	dir := t.TempDir()
	keyFile, certFile := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	for _, args := range [][]string{
		append([]string{"genpkey", "-out", keyFile}, key...),
		{"req", "-x509", "-new", "-key", keyFile, "-subj", "/CN=mail.test", "-days", "10", "-out", certFile},
	} {
		if out, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput(); err != nil {
			t.Skipf("this openssl cannot make the key: %s", out)
		}
	}
	args := append([]string{"s_server", "-accept", "127.0.0.1:0", "-key", keyFile, "-cert", certFile}, options...)
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address := ""
	for lines := bufio.NewScanner(out); address == "" && lines.Scan(); {
		_, address, _ = strings.Cut(lines.Text(), "ACCEPT ")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return func(c net.Conn) {
		server, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return
		}
		defer func() { _ = server.Close() }()
		_, _ = io.WriteString(in, "250 mail.test\n") // sent as soon as the handshake is done
		go func() { _, _ = io.Copy(server, c); _ = server.Close() }()
		_, _ = io.Copy(c, server)
	}
}

func TestServersOfOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip("openssl is not installed: apt-get install openssl")
	}
	rsa := func(bits string) []string {
		return []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:" + bits}
	}
	curve := func(name string) []string {
		return []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + name}
	}
	for _, tt := range []struct {
		name     string
		key      []string
		options  []string
		reason   probes.Reason
		evidence probes.Evidence
	}{
		{"TLS 1.3", rsa("2048"), nil, "", ""},
		{"TLS 1.2", curve("P-256"), []string{"-tls1_2"}, "", ""},
		{"RSA 512", rsa("512"), []string{"-tls1_2", "-cipher", "ALL:@SECLEVEL=0"}, "", ""},
		{"SHA-1 only", rsa("2048"), []string{"-tls1_2", "-sigalgs", "RSA+SHA1", "-cipher", "ALL:@SECLEVEL=0"}, "", ""},
		{"TLS 1.0", rsa("2048"), []string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, probes.ReasonTLSVersion, ""},
		{"TLS 1.1", rsa("2048"), []string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, probes.ReasonTLSVersion, ""},
		{
			"DHE only", rsa("2048"),
			[]string{"-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"},
			probes.ReasonProberLimit, probes.EvidenceFiniteField,
		},
		{
			"TLS 1.3 with finite fields only", rsa("2048"),
			[]string{"-tls1_3", "-groups", "ffdhe2048"},
			probes.ReasonProberLimit, probes.EvidenceKeyType,
		},
		{"brainpool", curve("brainpoolP256r1"), nil, probes.ReasonProberLimit, probes.EvidenceKeyType},
		{
			"brainpool, TLS 1.2", curve("brainpoolP384r1"),
			[]string{"-tls1_2"},
			probes.ReasonProberLimit,
			probes.EvidenceKeyType,
		},
		{"Ed448", []string{"-algorithm", "ED448"}, nil, probes.ReasonProberLimit, probes.EvidenceKeyType},
		{
			"Ed448, TLS 1.2",
			[]string{"-algorithm", "ED448"},
			[]string{"-tls1_2"},
			probes.ReasonProberLimit,
			probes.EvidenceKeyType,
		},
		{"Ed25519", []string{"-algorithm", "ED25519"}, nil, "", ""},
		{
			"CCM only", curve("P-256"),
			[]string{"-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-CCM"},
			probes.ReasonProberLimit, probes.EvidenceKeyType,
		},
		{
			"no shared cipher", rsa("2048"), []string{"-tls1_2", "-cipher", "PSK"}, probes.ReasonTLSHandshake, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // these servers do not answer QUIT
			at, _ := serve(t, healthy(nil).withTLS(openSSL(t, tt.key, tt.options...)))
			p := testPath(at, probes.TLSStage, mailflow.EncryptionOnly)
			p.Settings.Timeout = 4 * time.Second
			e := probeOne(t, testProber(nil), p)
			if step := e.Steps[probes.TLSStage]; step.Reason != tt.reason || step.Evidence != tt.evidence {
				t.Errorf("%+v\n%v", step, e.Transcript)
			}
			if tt.evidence == "" {
				return
			}
			p.TLSSettings = mailflow.Opportunistic
			if e := probeOne(t, testProber(nil), p); e.Outcome(probes.TLSStage) != probes.Passed {
				t.Errorf("nothing is demanded: %+v\n%v", e.Steps, e.Transcript)
			}
		})
	}
}
