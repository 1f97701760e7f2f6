package lab

import (
	"crypto/tls"
	"fmt"
)

// Loopback addresses apart from 127.0.0.1.
const (
	secondHost = "127.0.0.2" // a second healthy server
	deadHost   = "127.0.0.3" // nothing listens there
	busyHost   = "127.0.0.9" // for the server that replies 421: a prober backs off from the whole address
)

// contoso is healthy, apart from one address of three.
func (w *World) contoso() error {
	w.beginTenant("contoso")
	cert, err := w.leaf(-30, 170, nil, "mail.contoso.example", "mx1.contoso.example", "mx2.contoso.example")
	if err != nil {
		return err
	}
	second := "127.0.0.1"
	if w.usable(secondHost) {
		second = secondHost
	}
	if err := w.startHybridPair(cert, second); err != nil {
		return err
	}
	port := w.hybrid.Port()
	w.add(outboundPath{
		connector: "To on-premises", host: "mail.contoso.example", port: port,
		tlsSettings: "DomainValidation", recipient: "probe@contoso.example", outcome: "passed",
	})
	w.add(outboundPath{
		connector: "By MX", host: "partners.contoso.example", port: port,
		tlsSettings: "CertificateValidation", mx: true, outcome: "passed",
	})
	w.record("partners.contoso.example", "MX", "10 mx1.contoso.example.")
	w.record("partners.contoso.example", "MX", "20 mx2.contoso.example.")
	w.policy("partners.contoso.example", "mx1.contoso.example", "mx2.contoso.example")
	w.record("mx1.contoso.example", "A", "127.0.0.1")
	w.record("mx2.contoso.example", "A", second)
	if second == secondHost && w.usable(deadHost) {
		w.add(outboundPath{
			connector: "One bad address of three", host: "cluster.contoso.example", port: port, withoutRecord: true,
			outcome: "failed", stage: "connect", reason: "connect_refused",
		})
		for _, address := range []string{"127.0.0.1", second, deadHost} {
			w.record("cluster.contoso.example", "A", address)
		}
	}
	w.add(outboundPath{
		connector: "Test message", host: "test.contoso.example", port: port, tlsSettings: "EncryptionOnly",
		recipient: "probe@test.contoso.example", probe: ", until: message, message_min_interval: 5m", outcome: "passed",
	})
	w.add(outboundPath{
		connector: "Turned off", host: "old.contoso.example", port: port, extra: "        enabled: false\n",
	})
	w.add(outboundPath{
		connector: "In test mode", host: "new.contoso.example", port: port, extra: "        test_mode: true\n",
	})
	return nil
}

// startHybridPair starts the hybrid server and, if second is another address, a second server at the same port there,
// because a path has one port.
func (w *World) startHybridPair(cert *tls.Certificate, second string) error {
	var err error
	for range 20 { // the port may be in use at the second address
		if w.hybrid, err = StartMail(MailOptions{Certificate: cert}); err != nil {
			return err
		}
		if second == "127.0.0.1" {
			break
		}
		twin := MailOptions{Addr: fmt.Sprintf("%s:%d", second, w.hybrid.Port()), Certificate: cert}
		if _, err = w.mail(twin); err == nil {
			break
		}
		w.hybrid.Close()
	}
	if err == nil {
		w.closers = append(w.closers, w.hybrid.Close)
	}
	return err
}
