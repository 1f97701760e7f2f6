package smtpprobe

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"m365_connector_exporter/probes"
)

// What the wide ClientHello offers: more cipher suites, groups and signature algorithms of the IANA registry "TLS
// Parameters" than crypto/tls supports.
var (
	// Finite-field Diffie-Hellman, with RSA and DSA keys (RFC 5246, 5288, 6655, 7905).
	finiteFieldSuites = []uint16{
		0x009e, 0x009f, 0x0033, 0x0039, 0x0067, 0x006b, 0xccaa, 0x0016, 0x0045, 0x0088, 0xc09e, 0xc09f,
		0x00a2, 0x00a3, 0x0032, 0x0038, 0x0040, 0x006a,
	}
	// TLS 1.3 and ECDHE; CCM and Camellia for servers that have neither AES-GCM nor ChaCha20.
	otherSuites = []uint16{
		0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9, 0xc009, 0xc00a, 0xc013, 0xc014, 0xc023,
		0xc024, 0xc027, 0xc028, 0xc0ac, 0xc0ad, 0xc072, 0xc073, 0xc076, 0xc077, 0xc09c, 0xc09d,
	}
	// x25519, x448, NIST, brainpool (RFC 7027, 8734), finite fields (RFC 7919).
	wideGroups = []uint16{29, 30, 23, 24, 25, 26, 27, 28, 31, 32, 33, 256, 257, 258, 259, 260}
	// EdDSA, ECDSA, brainpool (RFC 8734), RSA, DSA.
	wideSignatures = []uint16{
		0x0807, 0x0808, 0x0403, 0x0503, 0x0603, 0x081a, 0x081b, 0x081c, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b,
		0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0402, 0x0202,
	}
)

// explainRefusal sends a second ClientHello, on a second connection, to a server that rejected the first. It offers
// algorithms that crypto/tls does not support. If the server accepts it, the problem is a limit of this program.
// A server that closed the connection without an alert may have had another cause: it must choose an algorithm that
// crypto/tls does not support. The handshake ends with the server's first messages.
func (s *session) explainRefusal(problem *probes.Step, alerted bool) *probes.Step {
	if s.reconnect(problem) != nil {
		return problem
	}
	if r, refused := s.cmd("STARTTLS", "STARTTLS"); refused != nil || r.Code != 220 || s.replies.buffered() > 0 {
		return problem
	}
	s.desynced = true
	if _, err := s.conn.Write(wideHello(s.serverName())); err != nil {
		return problem
	}
	answer, err := readServerHello(s.conn)
	if err != nil || !alerted && answer.evidence() != probes.EvidenceFiniteField {
		return problem
	}
	step := s.fail(probes.ReasonProberLimit, answer.describe())
	step.Evidence = answer.evidence()
	if len(answer.chain) > 0 {
		s.record(&observedInHandshake{chain: answer.chain})
	}
	s.endpoint.TLS.Unparsable = probes.Sanitise(answer.unparsable, probes.MaxDetail)
	return step
}

// wideHello returns a ClientHello (RFC 8446, section 4.1.2) in its record.
func wideHello(serverName string) []byte {
	var extensions []byte
	extend := func(id uint16, body []byte) {
		extensions = append(binary.BigEndian.AppendUint16(extensions, id), vector(2, body)...)
	}
	if serverName != "" {
		extend(0, vector(2, append([]byte{0}, vector(2, []byte(serverName))...)))
	}
	extend(10, vector(2, numbers(wideGroups)))
	extend(11, []byte{1, 0}) // uncompressed points
	extend(13, vector(2, numbers(wideSignatures)))
	extend(43, vector(1, numbers([]uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10})))
	key := make([]byte, 32) // any 32 bytes are a public key of X25519
	_, _ = rand.Read(key)
	extend(51, vector(2, append(numbers([]uint16{29}), vector(2, key)...)))
	extend(0xff01, []byte{0}) // renegotiation_info

	random := make([]byte, 64)
	_, _ = rand.Read(random)
	hello := append([]byte{3, 3}, random[:32]...)
	hello = append(hello, vector(1, random[32:])...) // session id
	hello = append(hello, vector(2, numbers(slices.Concat(otherSuites, finiteFieldSuites)))...)
	hello = append(hello, 1, 0) // no compression
	hello = append(hello, vector(2, extensions)...)
	return append([]byte{22, 3, 1}, vector(2, append([]byte{1}, vector(3, hello)...))...)
}

// vector returns a body preceded by its length in size bytes.
func vector(size int, body []byte) []byte {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(body))) //nolint:gosec // some hundred bytes
	return append(length[4-size:], body...)
}

// numbers returns 16-bit numbers in network byte order.
func numbers(all []uint16) (list []byte) {
	for _, n := range all {
		list = binary.BigEndian.AppendUint16(list, n)
	}
	return list
}

// serverHello is what a server chose and presented.
type serverHello struct {
	version, suite uint16
	chain          []*x509.Certificate // in clear text up to TLS 1.2
	unparsable     string              // why a certificate cannot be parsed
}

func (h serverHello) evidence() probes.Evidence {
	if slices.Contains(finiteFieldSuites, h.suite) {
		return probes.EvidenceFiniteField
	}
	return probes.EvidenceKeyType
}

func (h serverHello) describe() string {
	text := fmt.Sprintf("the server refuses what Go's TLS library offers, but accepts more: %s with cipher suite %s",
		tls.VersionName(h.version), tls.CipherSuiteName(h.suite))
	switch {
	case h.evidence() == probes.EvidenceFiniteField:
		text += ", finite-field Diffie-Hellman (DHE)"
	case h.unparsable != "":
		text += ", and shows a certificate that cannot be parsed: " + h.unparsable
	default:
		text += ", with a key, a curve or a cipher such as Ed448, X448, brainpool or Camellia"
	}
	return text
}

var errNoServerHello = errors.New("no ServerHello")

// readServerHello reads a ServerHello and, up to TLS 1.2, the certificates that follow it.
func readServerHello(r io.Reader) (hello serverHello, _ error) {
	messages := &handshakeReader{records: r}
	kind, body, err := messages.next()
	if err != nil || kind != 2 || !hello.parse(body) {
		return hello, errNoServerHello
	}
	if hello.version == tls.VersionTLS13 {
		return hello, nil
	}
	if kind, body, err = messages.next(); err != nil || kind != 11 || len(body) < 3 {
		return hello, nil //nolint:nilerr // the ServerHello is enough
	}
	for body = body[3:]; len(body) >= 3 && len(hello.chain) < probes.MaxChain; {
		size := int(body[0])<<16 | int(body[1])<<8 | int(body[2])
		if size > len(body)-3 {
			break
		}
		c, err := x509.ParseCertificate(body[3 : 3+size])
		if err != nil {
			hello.unparsable = err.Error()
			break
		}
		hello.chain, body = append(hello.chain, c), body[3+size:]
	}
	return hello, nil
}

// parse reads the body of a ServerHello and reports whether it is one.
func (h *serverHello) parse(body []byte) bool {
	const beforeSession = 2 + 32
	if len(body) < beforeSession+1 || len(body) < beforeSession+1+int(body[beforeSession])+3 {
		return false
	}
	h.version = binary.BigEndian.Uint16(body)
	body = body[beforeSession+1+int(body[beforeSession]):]
	h.suite = binary.BigEndian.Uint16(body)
	for body = body[min(5, len(body)):]; len(body) >= 4; {
		id, size := binary.BigEndian.Uint16(body), int(binary.BigEndian.Uint16(body[2:]))
		if body = body[4:]; size > len(body) {
			return false
		}
		if id == 43 && size == 2 { // supported_versions
			h.version = binary.BigEndian.Uint16(body)
		}
		body = body[size:]
	}
	return strings.HasPrefix(tls.VersionName(h.version), "TLS ")
}

// handshakeReader reads handshake messages in clear text from records (RFC 8446, sections 4 and 5.1).
type handshakeReader struct {
	records io.Reader
	buf     bytes.Buffer
}

const maxHandshake = 256 << 10 // bytes of one message

// next returns the type and the body of the next message.
func (h *handshakeReader) next() (kind byte, body []byte, _ error) {
	if err := h.fill(4); err != nil {
		return 0, nil, err
	}
	head := h.buf.Next(4)
	kind, size := head[0], int(head[1])<<16|int(head[2])<<8|int(head[3])
	if size > maxHandshake {
		return 0, nil, errNoServerHello
	}
	if err := h.fill(size); err != nil {
		return 0, nil, err
	}
	return kind, bytes.Clone(h.buf.Next(size)), nil
}

// fill reads records until n bytes of messages are buffered.
func (h *handshakeReader) fill(n int) error {
	for h.buf.Len() < n {
		var head [5]byte
		if _, err := io.ReadFull(h.records, head[:]); err != nil {
			return err
		}
		size := int64(binary.BigEndian.Uint16(head[3:]))
		if head[0] != 22 || size == 0 { // an alert, or not TLS at all
			return errNoServerHello
		}
		if _, err := io.CopyN(&h.buf, h.records, size); err != nil {
			return err
		}
	}
	return nil
}
