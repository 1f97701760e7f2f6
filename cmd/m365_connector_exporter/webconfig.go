package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/prometheus/exporter-toolkit/web"
	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/regularfile"
)

// maxWebFile is the largest file of the web configuration that is read, in bytes.
const maxWebFile = 10 << 20

// webConfig is what this program reads of a web configuration; the toolkit reads all of it.
type webConfig struct {
	Users map[string]string `yaml:"basic_auth_users"`
	TLS   struct {
		Certificate string `yaml:"cert_file"`
		Key         string `yaml:"key_file"`
		ClientCAs   string `yaml:"client_ca_file"`
		ClientAuth  string `yaml:"client_auth_type"`
	} `yaml:"tls_server_config"`
}

// checkWebConfig returns an error for a web configuration that does not work. The toolkit would wait for the writer of
// a FIFO, whatever signals arrive, and read a device without end. Therefore every file is read here before.
func checkWebConfig(ctx context.Context, file string) error {
	if file == "" {
		return nil
	}
	c, err := regularfile.Read(ctx, file, maxWebFile)
	if err != nil {
		return err
	}
	var w webConfig
	if yaml.Unmarshal(c.Data, &w) != nil {
		return web.Validate(file) // it fails before it reads another file, with an error of its own
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
	return web.Validate(file)
}

// requiresAuth reports whether a valid web configuration requires authentication: a password, or a certificate of a
// configured authority. TLS alone does not, nor does a client certificate that is not verified.
func requiresAuth(ctx context.Context, file string) bool {
	if file == "" {
		return false
	}
	c, err := regularfile.Read(ctx, file, maxWebFile)
	var w webConfig
	if err != nil || yaml.Unmarshal(c.Data, &w) != nil {
		return false
	}
	return len(w.Users) > 0 || w.TLS.ClientAuth == "RequireAndVerifyClientCert"
}
