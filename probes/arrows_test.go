package probes_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "m365_connector_exporter/"

// arrows are the packages of this module that each package may import. A package that is not listed may not exist.
var arrows = map[string][]string{
	"probes/mailflow":                 {},
	"probes":                          {"probes/mailflow"},
	"probes/regularfile":              {},
	"probes/spelling":                 {},
	"probes/inventory":                {"probes/mailflow", "probes/regularfile", "probes/spelling"},
	"probes/inventory/exchangeonline": {"probes", "probes/mailflow", "probes/regularfile", "probes/inventory"},
	"probes/schedule":                 {"probes", "probes/mailflow", "probes/regularfile"},
	"probes/internal/sockerr":         {},
	"probes/internal/fuzztest":        {}, // for tests only
	"probes/dnsclient":                {"probes", "probes/mailflow", "probes/dane", "probes/internal/sockerr"},
	"probes/certificate":              {"probes", "probes/mailflow"},
	"probes/certificate/certtest":     {}, // for tests only
	"probes/certificate/crl":          {"probes", "probes/certificate", "probes/httpfetch"},
	"probes/httpfetch":                {"probes"},
	"probes/smtpprobe": {
		"probes", "probes/mailflow", "probes/dane", "probes/dnsclient", "probes/certificate", "probes/certificate/crl",
		"probes/httpfetch", "probes/internal/sockerr",
	},
	"probes/lab":              {"probes/lab/microsoft365"},
	"probes/lab/microsoft365": {},
	"collector/check":         {"probes", "probes/mailflow", "probes/mtasts", "probes/tlsrpt"},
	"collector/calendar":      {"probes", "probes/mailflow", "collector/check"},
	"collector/evaluate": {
		"probes", "probes/mailflow", "probes/dane", "probes/mtasts", "probes/certificate", "probes/tlsrpt",
		"collector/check",
		"collector/calendar",
	},
	"collector": {
		"probes", "probes/mailflow", "probes/mtasts", "probes/roundtrip", "probes/tlsrpt", "collector/check",
		"collector/calendar", "collector/evaluate",
	},
	"probes/dane":           {"probes"},
	"probes/mtasts":         {"probes", "probes/httpfetch"},
	"probes/roundtrip":      {"probes"},
	"probes/roundtrip/sink": {"probes"},
	"probes/tlsrpt":         {},
	"collector/web": {
		"probes", "probes/mailflow", "probes/roundtrip", "probes/tlsrpt", "collector", "collector/check",
		"collector/calendar", "collector/evaluate", "collector/text",
		"docs/runbooks",
	},
	"collector/text": {
		"probes", "probes/mailflow", "probes/roundtrip", "collector", "collector/check", "collector/evaluate",
	},
	"collector/internal/golden": {}, // for tests only
	"cmd/m365_connector_exporter/internal/config": {
		"probes", "probes/mailflow", "probes/roundtrip", "probes/inventory", "probes/inventory/exchangeonline",
		"probes/regularfile", "probes/spelling",
		"collector/check",
	},
	"cmd/m365_connector_exporter/internal/daemon": {
		"probes/inventory", "probes/inventory/exchangeonline",
		"probes", "probes/dane", "probes/httpfetch", "probes/mailflow", "probes/mtasts", "probes/regularfile",
		"probes/roundtrip", "probes/roundtrip/sink", "probes/schedule", "probes/smtpprobe", "probes/certificate",
		"probes/tlsrpt", "probes/spelling",
		"collector", "collector/check", "collector/evaluate", "collector/web", "collector/text",
		"cmd/m365_connector_exporter/internal/config",
	},
	"cmd/m365_connector_exporter": {
		"probes/inventory", "probes/inventory/exchangeonline",
		"probes", "probes/mailflow", "probes/regularfile", "probes/roundtrip", "probes/spelling", "probes/lab",
		"collector", "collector/check", "collector/evaluate", "collector/text", "collector/web",
		"cmd/m365_connector_exporter/internal/config", "cmd/m365_connector_exporter/internal/daemon",
	},
	"cmd/m365_connector_exporter/e2e": {"probes", "probes/lab", "probes/lab/microsoft365"},
	"deploy/grafana":                  {},
	"deploy/licences":                 {},
	"docs/runbooks":                   {}, // the documents, embedded
	"deploy/testdata/compose-strict":  {}, // a module of its own
	"deploy/testdata/kube-strict":     {}, // a module of its own
}

// pure packages may import nothing that reaches the outside.
var pure = map[string]bool{
	"probes": true, "probes/mailflow": true, "probes/certificate": true, "probes/dane": true, "collector/check": true,
	"collector/evaluate": true, "collector/calendar": true, "probes/spelling": true,
}

var outside = map[string]bool{
	"net": true, "net/http": true, "os": true, "log/slog": true, "crypto/tls": true,
	"github.com/prometheus/client_golang/prometheus": true, "github.com/miekg/dns": true,
}

// network packages of probes may reach the network. None of probes may know Prometheus.
var network = map[string]bool{
	"probes/smtpprobe": true, "probes/dnsclient": true, "probes/certificate/crl": true,
	"probes/httpfetch": true, "probes/mtasts": true, "probes/roundtrip/sink": true,
	"probes/inventory/exchangeonline": true,
	// For tests and demo only:
	"probes/lab": true, "probes/lab/microsoft365": true, "probes/certificate/certtest": true,
}

// forbidden reports whether a package may not import what is not of this module.
func forbidden(pkg, name string) bool {
	probing := pkg == "probes" || strings.HasPrefix(pkg, "probes/")
	reachesNetwork := name == "net" || name == "net/http" || name == "crypto/tls" || name == "github.com/miekg/dns"
	return pure[pkg] && outside[name] || probing && reachesNetwork && !network[pkg] ||
		probing && strings.HasPrefix(name, "github.com/prometheus/")
}

// yamlModule is archived: one package imports it, so that its successor can replace it. See CONTRIBUTING.md.
const yamlModule, yamlPackage = "gopkg.in/yaml.v3", "cmd/m365_connector_exporter/internal/config"

func TestArrows(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		pkg := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), "../"))
		allowed, known := arrows[pkg]
		if !known {
			t.Errorf("%s: a package that is not in the list of arrows", pkg)
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			own, ours := strings.CutPrefix(name, module)
			foreign := name == yamlModule && pkg != yamlPackage
			if ours && !slices.Contains(allowed, own) || forbidden(pkg, name) || foreign {
				t.Errorf("%s imports %s", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
