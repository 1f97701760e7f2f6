package smtpprobe

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// What ends a handshake selects the remedy.
func TestHandshakeEvidence(t *testing.T) {
	readHello := func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }
	for _, tt := range []struct {
		name     string
		server   func(net.Conn)
		evidence probes.Evidence
	}{
		{"reset", func(c net.Conn) { readHello(c); _ = c.(*net.TCPConn).SetLinger(0) }, probes.EvidenceResetAtClientHello},
		{"closed", readHello, probes.EvidenceEndAtClientHello},
		{"alert 40", func(c net.Conn) { readHello(c); _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) }, ""},
		{
			"alert 80, internal_error",
			func(c net.Conn) { readHello(c); _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 80}) },
			probes.EvidenceInternalError,
		},
		{
			"alert 112, unrecognized_name",
			func(c net.Conn) { readHello(c); _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 112}) },
			probes.EvidenceUnrecognizedName,
		},
		{
			"not TLS",
			func(c net.Conn) { readHello(c); _, _ = io.WriteString(c, "250 hello\r\n") },
			probes.EvidenceClearTextAnswer,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, _ := serve(t, healthy(nil).withTLS(tt.server))
			step := probeOne(t, testProber(nil), testPath(at, probes.TLSStage, mailflow.EncryptionOnly)).Steps[probes.TLSStage]
			if step.Reason != probes.ReasonTLSHandshake || step.Evidence != tt.evidence {
				t.Errorf("%+v", step)
			}
			if special := step.Remedy() != probes.ReasonTLSHandshake.RemedyFor(""); special != (tt.evidence != "") {
				t.Errorf("remedy: %s", step.Remedy())
			}
			cipher := strings.Contains(step.Remedy(), "cipher suite in common with Exchange Online")
			if cipher != (tt.evidence == probes.EvidenceEndAtClientHello) {
				t.Errorf("remedy: %s", step.Remedy())
			}
		})
	}
}

func TestNoServerHelloInTime(t *testing.T) {
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	defer func() { _ = server.Close() }()
	_ = client.SetReadDeadline(time.Unix(1, 0))
	_, err := client.Read(make([]byte, 1))
	if got := answerToClientHello(err); got != probes.EvidenceNoServerHello {
		t.Errorf("%v: %q, want %q", err, got, probes.EvidenceNoServerHello)
	}
}
