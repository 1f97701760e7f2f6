//go:build e2e

package e2e

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// The point at which the mail server stops replying.
const (
	neverSilent = iota
	silentAtGreeting
	silentAfterHandshake
	numSilences
)

// mailPeer is a mail server for thousands of probes. It listens on every loopback address and presents a different
// certificate at each, like the servers of thousands of connectors, so that no cached verdict applies.
type mailPeer struct {
	certificates []tls.Certificate
	silent       int
}

// servePeer is a role. Its arguments are a file of chains with keys, and one port for each kind of silence.
func servePeer(args []string) error {
	if len(args) != 1+numSilences {
		return errors.New("servePeer: want a file and one port per kind of silence")
	}
	certificates, err := readCertificates(args[0])
	if err != nil {
		return err
	}
	ended := make(chan error)
	for silent, port := range args[1:] {
		listener, err := net.Listen("tcp4", ":"+port)
		if err != nil {
			return err
		}
		go func() { ended <- mailPeer{certificates, silent}.serve(listener) }()
	}
	return <-ended
}

// readCertificates reads the file that newComparison wrote.
func readCertificates(file string) ([]tls.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []tls.Certificate
	for part := range strings.SplitSeq(string(text), separator) {
		c, err := tls.X509KeyPair([]byte(part), []byte(part))
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (p mailPeer) serve(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go p.talk(conn)
	}
}

// certificate returns the certificate for the address that the client connected to.
func (p mailPeer) certificate(conn net.Conn) tls.Certificate {
	ip := conn.LocalAddr().(*net.TCPAddr).IP.To4()
	return p.certificates[(int(ip[2])<<8+int(ip[3]))%len(p.certificates)]
}

func (p mailPeer) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if p.silent == silentAtGreeting {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	in := bufio.NewReader(conn)
	reply := func(text string) { _, _ = fmt.Fprintf(conn, "%s\r\n", text) } // after an error, the next read fails too
	reply("220 " + peerName + " ESMTP")
	extensions := "250-STARTTLS\r\n"
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "EHLO":
			reply("250-" + peerName + "\r\n250-PIPELINING\r\n" + extensions + "250 8BITMIME")
		case "STARTTLS":
			reply("220 2.0.0 go ahead")
			secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{p.certificate(conn)}})
			if secure.Handshake() != nil {
				return
			}
			if p.silent == silentAfterHandshake {
				_, _ = io.Copy(io.Discard, secure)
				return
			}
			conn, in, extensions = secure, bufio.NewReader(secure), ""
		case "QUIT":
			reply("221 2.0.0 bye")
			return
		default:
			reply("502 5.5.1 not here")
		}
	}
}
