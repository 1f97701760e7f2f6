package wire

import "crypto/tls"

// clientCertificate is the certificate that this path presents: the sender's, where the configuration says so, and only to hosts
// of Exchange Online. Anybody else could use what a key signs.
func (c *climb) clientCertificate() *tls.Certificate {
	if !c.path.UseClientCertificate || !c.ep.HideAddress || c.w.opts.ClientCertificate == nil {
		return nil
	}
	return c.w.opts.ClientCertificate(c.path.ID)
}
