package config

import "gopkg.in/yaml.v3"

// WebFile is the part of a web configuration of exporter-toolkit (--web.config.file) that this program reads. The
// toolkit reads all of it.
type WebFile struct {
	Users map[string]string `yaml:"basic_auth_users"`
	TLS   struct {
		Certificate string `yaml:"cert_file"`
		Key         string `yaml:"key_file"`
		ClientCAs   string `yaml:"client_ca_file"`
		ClientAuth  string `yaml:"client_auth_type"`
	} `yaml:"tls_server_config"`
}

// ParseWebFile reads a web configuration. It ignores keys that it does not know; the toolkit reports them.
func ParseWebFile(data []byte) (WebFile, error) {
	var w WebFile
	err := yaml.Unmarshal(data, &w)
	return w, err
}
