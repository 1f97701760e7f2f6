package config

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/regularfile"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 64 << 20

// plainText is text as UTF-8 without a mark: PowerShell 5.1 writes UTF-16, or UTF-8 with one. What has no mark stays as it is.
func plainText(data []byte) []byte {
	if len(data) == 0 || data[0] < 0xef { // no mark; most files have none, and large ones need not be copied
		return data
	}
	decoder := unicode.BOMOverride(transform.Nop)
	text, _, err := transform.Bytes(decoder, data)
	if err != nil {
		return data
	}
	return text
}

// failFile tells of a file that is named at n: the main file's own ones spoil it, a tenant's blind that tenant only.
func (r *reader) failFile(n *yaml.Node, key, file, format string, args ...any) {
	e := r.errorAt(n, key, "%s: %s", file, fmt.Sprintf(format, args...))
	switch {
	case !r.inTenant:
		r.errs = append(r.errs, e)
	case len(r.broken) < maxBroken:
		r.broken = append(r.broken, e)
	}
}

// read reads a named file, which may not be empty.
func (r *reader) read(n *yaml.Node, key, file string) (regularfile.Contents, bool) {
	c, err := r.contents.read(r.ctx, file)
	if err == nil && len(bytes.TrimSpace(c.Data)) == 0 {
		err = errEmpty
	}
	if err != nil {
		r.failFile(n, key, file, "%v", err)
		return c, false
	}
	return c, true
}

// roots reads a file of PEM certificates. Errors never quote what is in it.
func (r *reader) roots(n *yaml.Node, key, file string) *x509.CertPool {
	c, ok := r.read(n, key, file)
	if !ok {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(plainText(c.Data)) {
		r.failFile(n, key, file, "no PEM certificate in it")
	}
	return pool
}

// certificateFile opens PEM (chain, key optional), DER or PKCS#7.
func (r *reader) certificateFile(n *yaml.Node, key, file string) *Material {
	c, ok := r.read(n, key, file)
	if !ok {
		return nil
	}
	if holdsKey(c.Data) {
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

// pkcs12 opens a .pfx with the password in its password file.
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

// password reads a password file; none, or an empty one, is the empty password.
func (r *reader) password(n *yaml.Node, key, file string) (password string, ok bool) {
	if file == "" {
		return "", true
	}
	c, err := r.contents.read(r.ctx, file)
	if err != nil {
		r.failFile(n, key, file, "%v", err)
		return "", false
	}
	r.secret(n, key, file, c.Info)
	return passwordOf(c.Data), true
}

// secret refuses a secret that everybody on this host can read. A group may read: that is how a service account is given a
// file it does not own. Windows keeps permissions elsewhere.
func (r *reader) secret(n *yaml.Node, key, file string, info fs.FileInfo) {
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 {
		r.failFile(n, key, file, "holds a secret and is readable by others: chmod o-rwx")
	}
}

// expand lists the files or folders of a pattern; none is a warning. A plain name is itself, there or not.
func (r *reader) expand(n *yaml.Node, key, name string, folders bool) []string {
	p := pattern{absolute(r.dir(), name), folders}
	r.patterns = append(r.patterns, p)
	r.contents.found(p.files(r.ctx))
	if !isPattern(name) {
		return []string{p.glob}
	}
	found, err := regularfile.Glob(r.ctx, p.glob)
	switch {
	case errors.Is(err, filepath.ErrBadPattern):
		r.fail(n, key, "%s: not a pattern", name)
	case err != nil && r.inTenant:
		r.failFile(n, key, p.glob, "%v", err)
	case err != nil: // the tenants of the last load are kept
		r.warn(r.errorAt(n, key, "%s: %v", name, err).Error())
	case len(found) == 0:
		r.warn(r.errorAt(n, key, "%s matches no file", name).Error())
	}
	return found
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }
