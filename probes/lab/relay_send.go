package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// sendTimeout bounds one delivery.
const sendTimeout = 30 * time.Second

// deliver tries until the message is delivered, refused for good or expired.
func (r *relay) deliver(m relayed, host string, message []byte) (attempts int, err error) {
	begin := time.Now()
	for {
		attempts++
		err := r.send(m, host, message)
		var reply *smtp.SMTPError
		switch {
		case err == nil || errors.As(err, &reply) && reply.Code >= 500:
			return attempts, err
		case time.Since(begin)+r.options.Retry >= r.options.Expire:
			return attempts, &smtp.SMTPError{
				Code: 550, EnhancedCode: smtp.EnhancedCode{5, 4, 300}, Message: "Message expired; " + err.Error(),
			}
		case !r.wait(r.options.Retry):
			return attempts, err
		}
	}
}

// send delivers a message once, with TLS if the server offers it. It does not verify the server's certificate.
func (r *relay) send(m relayed, host string, message []byte) error {
	ctx, cancel := context.WithTimeout(r.ctx, sendTimeout)
	defer cancel()
	client, err := r.connect(ctx, host)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	if err := client.Hello("outbound." + exchangeOnlineZone); err != nil {
		return err
	}
	if err := client.Mail(m.from, nil); err != nil {
		return err
	}
	if err := client.Rcpt(m.to, nil); err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := data.Write(message); err != nil {
		return err
	}
	if err := data.Close(); err != nil {
		return err
	}
	_ = client.Quit() // the message is delivered
	return nil
}

// connect connects with STARTTLS, and again without it if the server does not offer it.
func (r *relay) connect(ctx context.Context, host string) (*smtp.Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(sendTimeout))
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // opportunistic
	if r.options.Certificate != nil {
		config.Certificates = []tls.Certificate{*r.options.Certificate}
	}
	client, err := smtp.NewClientStartTLS(conn, config)
	if err == nil || !strings.Contains(err.Error(), "support STARTTLS") {
		return client, err
	}
	if conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", host); err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(sendTimeout))
	return smtp.NewClient(conn), nil
}
