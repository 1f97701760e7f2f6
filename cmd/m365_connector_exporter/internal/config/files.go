package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"gopkg.in/yaml.v3"
	"software.sslmate.com/src/go-pkcs12"

	"m365_connector_exporter/probes/mailflow"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 64 << 20

var (
	errTooLarge = errors.New("larger than 64 MB")
	errNoFile   = errors.New("not a regular file")
)

// readFile reads a regular file of at most maxFile bytes; its errors do not name the path. It never waits on a pipe.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, plainError(err)
	case !info.Mode().IsRegular():
		return nil, errNoFile
	case info.Size() > maxFile:
		return nil, errTooLarge
	}
	f, err := os.Open(path) //nolint:gosec // reading the files that the operator names is the job
	if err != nil {
		return nil, plainError(err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errTooLarge
	}
	return data, plainError(err)
}

// plainError drops the path that the message names already.
func plainError(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// failFile tells of a file that is named at n: the main file's own ones spoil it, a tenant's blind that tenant only.
func (r *reader) failFile(n *yaml.Node, key, file, format string, args ...any) {
	e := Error{File: r.file, Line: n.Line, Key: key, Message: file + ": " + fmt.Sprintf(format, args...)}
	switch {
	case !r.inTenant:
		r.errs = append(r.errs, e)
	case len(r.broken) < maxMistakes:
		r.broken = append(r.broken, e)
	}
}

// read opens a named file and remembers that it was.
func (r *reader) read(n *yaml.Node, key, file string) ([]byte, bool) {
	r.files = append(r.files, file)
	data, err := readFile(file)
	if err != nil {
		r.failFile(n, key, file, "%v", err)
		return nil, false
	}
	return data, true
}

// roots reads a file of PEM certificates. Errors never quote what is in it.
func (r *reader) roots(n *yaml.Node, key, file string) *x509.CertPool {
	data, ok := r.read(n, key, file)
	if !ok {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		r.failFile(n, key, file, "no PEM certificate in it")
	}
	return pool
}

// certificateFile opens PEM (chain, key optional), DER or PKCS#7 and says whether a usable key is in it.
func (r *reader) certificateFile(n *yaml.Node, key, file string) (hasKey bool) {
	data, ok := r.read(n, key, file)
	if !ok {
		return false
	}
	certificates, private := pemContents(data)
	if private {
		r.secret(n, key, file)
	}
	switch {
	case certificates == 0 && !isDER(data):
		r.failFile(n, key, file, "no certificate in it (PEM, DER or PKCS#7)")
	case private && certificates > 0:
		if _, err := tls.X509KeyPair(data, data); err != nil {
			r.failFile(n, key, file, "the key in it is encrypted, unreadable or not that of the first certificate")
			return false
		}
		return true
	}
	return false
}

// pemContents counts the certificates that can be parsed (a PKCS#7 block counts as one) and looks for a private key.
func pemContents(data []byte) (certificates int, private bool) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			private = true
		case block.Type == "CERTIFICATE":
			if _, err := x509.ParseCertificate(block.Bytes); err == nil {
				certificates++
			}
		case block.Type == "PKCS7" && isPKCS7(block.Bytes):
			certificates++
		}
	}
	return certificates, private
}

func isDER(data []byte) bool {
	_, err := x509.ParseCertificates(data)
	return err == nil && len(data) > 0 || isPKCS7(data)
}

// isPKCS7 recognises SignedData (RFC 2315, section 9) without looking into it.
func isPKCS7(der []byte) bool {
	var info struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
	}
	_, err := asn1.Unmarshal(der, &info)
	return err == nil && info.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2})
}

// pkcs12 opens a .pfx with the password in its password file.
func (r *reader) pkcs12(n *yaml.Node, key string, c mailflow.CertificateSource) (hasKey bool) {
	password := ""
	if c.PasswordFile != "" {
		data, ok := r.read(n, join(key, "password_file"), c.PasswordFile)
		if !ok {
			return false
		}
		r.secret(n, join(key, "password_file"), c.PasswordFile)
		password = strings.TrimRight(string(data), "\r\n")
	}
	key = join(key, "pkcs12")
	data, ok := r.read(n, key, c.PKCS12)
	if !ok {
		return false
	}
	r.secret(n, key, c.PKCS12)
	_, _, _, err := pkcs12.DecodeChain(data, password)
	if err == nil {
		return true
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		r.failFile(n, key, c.PKCS12, "the password is not the right one")
	} else if certs, err := pkcs12.DecodeTrustStore(data, password); err != nil || len(certs) == 0 {
		r.failFile(n, key, c.PKCS12, "not a PKCS#12 file that can be read")
	}
	return false
}

// secret refuses a secret that everybody on this host can read. Windows keeps that elsewhere.
func (r *reader) secret(n *yaml.Node, key, file string) {
	info, err := os.Stat(file)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 {
		r.failFile(n, key, file, "holds a secret and is readable by others: chmod o-rwx")
	}
}

// expand lists the files of a pattern: none is a warning for a pattern and a mistake for a plain name.
func (r *reader) expand(n *yaml.Node, key, name string) []string {
	pattern := absolute(r.dir(), name)
	r.patterns = append(r.patterns, pattern)
	found, err := filepath.Glob(pattern)
	switch {
	case err != nil:
		r.fail(n, key, "%s: not a pattern", name)
	case len(found) == 0 && strings.ContainsAny(name, "*?["):
		r.warnings = append(r.warnings, Error{File: r.file, Line: n.Line, Key: key, Message: name + " matches no file"}.Error())
	case len(found) == 0:
		r.failFile(n, key, name, "no such file")
	}
	return found
}
