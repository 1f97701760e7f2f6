package smtpprobe

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// pickyServer refuses each ClientHello without two numbers in a row and answers others with the messages, in clear
// text.
func pickyServer(offered [2]uint16, messages ...[]byte) func(net.Conn) {
	return pickyServerThat([]byte{21, 3, 3, 0, 2, 2, 40}, offered, messages...)
}

// pickyServerThat is pickyServer with another refusal; a server that sends none closes without an alert.
func pickyServerThat(refuses []byte, offered [2]uint16, messages ...[]byte) func(net.Conn) {
	return func(c net.Conn) {
		head := make([]byte, 5)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		hello := make([]byte, binary.BigEndian.Uint16(head[3:]))
		_, _ = io.ReadFull(c, hello)
		if !bytes.Contains(hello, numbers(offered[:])) {
			_, _ = c.Write(refuses)
			return
		}
		all := slices.Concat(messages...)
		for part := range slices.Chunk(all, 1000) { // messages may be cut by records
			_, _ = c.Write(append([]byte{22, 3, 3}, vector(2, part)...))
		}
	}
}

func serverHelloMessage(version, suite uint16, extensions ...byte) []byte {
	body := binary.BigEndian.AppendUint16(nil, version)
	body = append(append(body, make([]byte, 32)...), 0)
	body = append(binary.BigEndian.AppendUint16(body, suite), 0)
	return append([]byte{2}, vector(3, append(body, vector(2, extensions)...))...)
}

func certificateMessage(chain ...[]byte) []byte {
	var list []byte
	for _, der := range chain {
		list = append(list, vector(3, der)...)
	}
	return append([]byte{11}, vector(3, vector(3, list))...)
}

// A server that accepts a ClientHello of another library, but not ours, is not at fault.
func TestLimitsOfTheTLSLibrary(t *testing.T) {
	ca := certtest.New(t)
	leaf := ca.Leaf(t, "mail.test").Cert.Raw
	const dhe, ecdhe = 0x009f, 0xc02b
	offersDHE, offersOld, offersEd448 := [2]uint16{0x009e, dhe}, [2]uint16{0x0067, 0x006b}, [2]uint16{0x0807, 0x0808}
	tls13 := []byte{0, 43, 0, 2, 3, 4}
	for _, tt := range []struct {
		name     string
		server   func(net.Conn)
		reason   probes.Reason
		evidence probes.Evidence
		chain    int
	}{
		{
			"finite-field Diffie-Hellman",
			pickyServer(offersDHE, serverHelloMessage(0x0303, dhe), certificateMessage(leaf, ca.Inter.Cert.Raw)),
			probes.ReasonProberLimit, probes.EvidenceFiniteField, 2,
		},
		{
			"finite-field Diffie-Hellman, TLS 1.0", pickyServer(offersOld, serverHelloMessage(0x0301, 0x006b)),
			probes.ReasonProberLimit, probes.EvidenceFiniteField, 0,
		},
		{
			"Ed448, TLS 1.3", pickyServer(offersEd448, serverHelloMessage(0x0303, 0x1301, tls13...)),
			probes.ReasonProberLimit, probes.EvidenceKeyType, 0,
		},
		{
			"a certificate that cannot be parsed",
			pickyServer(offersEd448, serverHelloMessage(0x0303, ecdhe), certificateMessage([]byte{0x30, 3, 1, 2, 3})),
			probes.ReasonProberLimit, probes.EvidenceKeyType, 0,
		},
		{
			"finite-field Diffie-Hellman, without an alert",
			pickyServerThat(nil, offersDHE, serverHelloMessage(0x0303, dhe), certificateMessage(leaf, ca.Inter.Cert.Raw)),
			probes.ReasonProberLimit, probes.EvidenceFiniteField, 2,
		},
		{
			"a server that closes once", pickyServerThat(nil, offersDHE, serverHelloMessage(0x0303, ecdhe)),
			probes.ReasonTLSHandshake, probes.EvidenceEndAtClientHello, 0,
		},
		{
			"nothing is accepted, without an alert", pickyServerThat(nil, [2]uint16{0xfefe, 0xfefe}),
			probes.ReasonTLSHandshake, probes.EvidenceEndAtClientHello, 0,
		},
		{"nothing is accepted", pickyServer([2]uint16{0xfefe, 0xfefe}), probes.ReasonTLSHandshake, "", 0},
		{"no ServerHello", pickyServer(offersDHE, []byte{99, 0, 0, 1, 0}), probes.ReasonTLSHandshake, "", 0},
		{
			"half a ServerHello", pickyServer(offersDHE, serverHelloMessage(0x0303, dhe)[:30]), probes.ReasonTLSHandshake, "",
			0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, _ := serve(t, healthy(nil).withTLS(tt.server))
			limiter, w := &countingLimiter{}, testProber(ca.Roots)
			w.opts.Limiter = limiter
			e := probeOne(t, w, testPath(at, probes.Recipient, mailflow.EncryptionOnly))
			step := e.Steps[probes.TLSStage]
			if step.Reason != tt.reason || step.Evidence != tt.evidence || len(e.TLS.Chain) != tt.chain {
				t.Errorf("%+v, %+v", step, e.TLS)
			}
			if n := limiter.acquired.Load(); n != 2 || limiter.open.Load() != 0 {
				t.Errorf("%d connections, %d still counted", n, limiter.open.Load())
			}
			clear := probeOne(t, testProber(ca.Roots), testPath(at, probes.Recipient, mailflow.Opportunistic))
			if clear.Outcome(probes.Recipient) != probes.Passed {
				t.Errorf("nothing is demanded: %+v", clear.Steps)
			}
		})
	}
}

func FuzzServerHello(f *testing.F) {
	f.Add(append([]byte{22, 3, 3}, vector(2, serverHelloMessage(0x0303, 0x009f))...))
	f.Add([]byte{21, 3, 3, 0, 2, 2, 40})
	f.Fuzz(func(t *testing.T, data []byte) {
		hello, err := readServerHello(bytes.NewReader(data))
		if err == nil && (len(hello.chain) > probes.MaxChain || !strings.Contains(hello.describe(), "TLS ")) {
			t.Errorf("%+v", hello)
		}
	})
}
