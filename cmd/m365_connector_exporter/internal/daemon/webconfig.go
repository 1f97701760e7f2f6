package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/prometheus/exporter-toolkit/web"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/regularfile"
)

// maxWebFile is the largest file of the web configuration that is read, in bytes.
const maxWebFile = 10 << 20

// CheckWebConfig returns an error for a web configuration that does not work, without waiting for a FIFO or a file
// system that does not respond.
func CheckWebConfig(ctx context.Context, file string) error {
	if file == "" {
		return nil
	}
	if err := checkWebFiles(ctx, file); err != nil && !errors.Is(err, errWebSyntax) {
		return err
	}
	return web.Validate(file) // for a syntax error it reads no other file
}

// RequiresAuth reports whether a valid web configuration requires authentication: a password, or a certificate of a
// configured authority. TLS alone does not, nor does a client certificate that is not verified.
func RequiresAuth(ctx context.Context, file string) bool {
	if file == "" {
		return false
	}
	w, err := readWebConfig(ctx, file)
	return err == nil && (len(w.Users) > 0 || w.TLS.ClientAuth == "RequireAndVerifyClientCert")
}

var errWebSyntax = errors.New("not a web configuration")

func readWebConfig(ctx context.Context, file string) (config.WebFile, error) {
	c, err := regularfile.Read(ctx, file, maxWebFile)
	if err != nil {
		return config.WebFile{}, err
	}
	w, err := config.ParseWebFile(c.Data)
	if err != nil {
		return config.WebFile{}, errWebSyntax
	}
	return w, nil
}

// checkWebFiles returns an error if a file of the web configuration cannot be read within the deadline of
// [regularfile.Read]. The toolkit reads all of them, at every request and TLS handshake, without a deadline.
func checkWebFiles(ctx context.Context, file string) error {
	w, err := readWebConfig(ctx, file)
	if err != nil {
		return err
	}
	for _, named := range []string{w.TLS.Certificate, w.TLS.Key, w.TLS.ClientCAs} {
		if named == "" {
			continue
		}
		if !filepath.IsAbs(named) {
			named = filepath.Join(filepath.Dir(file), named)
		}
		if _, err := regularfile.Read(ctx, named, maxWebFile); err != nil {
			return fmt.Errorf("%s: %w", named, err)
		}
	}
	return nil
}
