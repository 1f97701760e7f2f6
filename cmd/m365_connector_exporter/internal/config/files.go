package config

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"runtime"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/regularfile"
)

// read reads a named file, which may not be empty.
func (r *reader) read(n *yaml.Node, key, file string) (regularfile.Contents, bool) {
	c, err := r.observed.Read(r.ctx, file)
	if err == nil && len(bytes.TrimSpace(c.Data)) == 0 {
		err = errors.New("the file is empty")
	}
	if err != nil {
		r.failFile(n, key, file, "%v", err)
		return c, false
	}
	return c, true
}

// roots reads a file of PEM certificates; nil if it cannot be read.
func (r *reader) roots(n *yaml.Node, key, file string) *x509.CertPool {
	return r.addRoots(x509.NewCertPool(), n, key, file)
}

// extraRoots returns the system's roots with those in a file of PEM certificates; nil if it cannot be read.
func (r *reader) extraRoots(n *yaml.Node, key, file string) *x509.CertPool {
	system, err := x509.SystemCertPool()
	if err != nil {
		system = x509.NewCertPool()
	}
	return r.addRoots(system, n, key, file)
}

// addRoots adds the certificates in a PEM file to a pool. Errors never quote the contents of the file.
func (r *reader) addRoots(pool *x509.CertPool, n *yaml.Node, key, file string) *x509.CertPool {
	c, ok := r.read(n, key, file)
	if !ok {
		return nil
	}
	if !pool.AppendCertsFromPEM(inventory.UTF8(c.Data)) {
		r.failFile(n, key, file, "contains no PEM certificate")
	}
	return pool
}

// certificateFile reads PEM (chain, key optional), DER or PKCS#7.
func (r *reader) certificateFile(n *yaml.Node, key, file string) *Material {
	c, ok := r.read(n, key, file)
	if !ok {
		return nil
	}
	if hasKey(c.Data) {
		r.secret(n, key, file, c.Info)
	}
	m, err := parseCertificates(c.Data)
	return r.material(n, key, file, m, err)
}

func (r *reader) material(n *yaml.Node, key, file string, m Material, err error) *Material {
	if err != nil {
		r.failFile(n, key, file, "%v", err)
		return nil
	}
	m.Source = file
	return &m
}

// pkcs12 reads a .pfx with the password in its password file.
func (r *reader) pkcs12(n *yaml.Node, key string, c mailflow.CertificateSource) *Material {
	password, known := r.password(n, join(key, "password_file"), c.PasswordFile)
	key = join(key, "pkcs12")
	pfx, ok := r.read(n, key, c.PKCS12)
	if !ok {
		return nil
	}
	r.secret(n, key, c.PKCS12, pfx.Info)
	if !known {
		return nil
	}
	m, err := parsePKCS12(pfx.Data, password)
	return r.material(n, key, c.PKCS12, m, err)
}

// password reads a password file. No file, or an empty one, is the empty password.
func (r *reader) password(n *yaml.Node, key, file string) (password string, ok bool) {
	if file == "" {
		return "", true
	}
	c, err := r.observed.Read(r.ctx, file)
	if err != nil {
		r.failFile(n, key, file, "%v", err)
		return "", false
	}
	r.secret(n, key, file, c.Info)
	return passwordOf(c.Data), true
}

// secret refuses a secret that every user of this host can read. A group may read it: a service account often gets
// access to a file of another owner in this way. Windows does not have these permission bits.
func (r *reader) secret(n *yaml.Node, key, file string, info fs.FileInfo) {
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 {
		r.failFile(n, key, file, "holds a secret and is readable by others: chmod o-rwx")
	}
}
