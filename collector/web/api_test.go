package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// full has one of everything that JSON can show, and a peer that sends hostile text.
func full() *testSite {
	s := bench()
	const evil = "\x1b[31m\u202e\xff</script>"
	hostile := state(outbound("evil"+evil, "c"+evil, "h"+evil), probes.Recipient, failed)
	e := &hostile.Latest.Endpoints[0]
	e.Host, e.Steps[probes.Recipient].Reply.Text = evil, evil
	e.TLS = &probes.TLS{
		Version: "TLS 1.3", Chain: []*probes.Certificate{{Subject: evil, DNSNames: []string{evil}, NotAfter: noon}},
	}
	e.TLS.Verdicts[probes.VerdictName] = probes.Judgement{
		Outcome: probes.Failed, Reason: probes.ReasonCertificateNameMismatch, Uncertain: "it is",
	}
	fresh := state(outbound("contoso", "fresh", "fresh.contoso.com"), probes.TLSStage, passed)
	*fresh = collector.PathState{Path: fresh.Path}
	fresh.Path.NotProbed = "the connector is disabled"
	s.snapshot.Paths = append(s.snapshot.Paths, hostile, fresh)
	key := func(code string) check.Key {
		return check.Key{
			Code: code, Subject: check.Subject{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "c" + evil},
		}
	}
	s.snapshot.Report = &evaluate.Report{Findings: []check.Finding{
		{
			Key: key("smart_hosts_missing"), Severity: check.Critical, Evidence: []string{evil}, Since: noon, Uncertain: "it is",
		},
		{
			Key: check.Key{Code: "smart_hosts_ignored"}, Severity: check.Info,
			Suppressed: &check.Suppression{Owner: "o", Reason: "r", Expires: noon},
		},
	}}
	s.policies(evil)
	return s
}

func TestJSONFollowsItsSchema(t *testing.T) {
	h, empty := full().handler(), (&testSite{}).handler()
	for _, c := range []struct{ schema, route string }{
		{"paths", "/api/v1/paths"},
		{"findings", "/api/v1/findings"},
		{"targets", "/sd"},
		{"certificates", "/api/v1/certificates"},
		{"tenants", "/api/v1/tenants"},
		{"round-trips", "/api/v1/round-trips"},
	} {
		schema := strict(t, c.schema)
		for _, h := range []http.Handler{h, empty} {
			w := get(h, c.route)
			if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s: %d %s", c.route, w.Code, w.Header())
			}
			follows(t, c.route, schema, w.Body.Bytes())
			if strings.ContainsAny(w.Body.String(), "\x1b\u202e") {
				t.Errorf("%s: an escape of a peer came through:\n%s", c.route, w.Body)
			}
		}
	}
	for file, schema := range map[string]string{
		"certificates.json": "certificates", "tenants.json": "tenants", "paths.json": "paths",
		"validation.json": "paths", "empty.json": "paths", "findings.json": "findings", "attribution.json": "attribution",
		"rehearsals.json": "rehearsal", "round-trips.json": "round-trips",
	} {
		printed, err := os.ReadFile(filepath.Join("..", "text", "testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		follows(t, file, strict(t, schema), printed)
	}
}

// strict compiles a schema that, unlike the published one, knows no more fields than it documents.
func strict(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		if properties, ok := node["properties"].(map[string]any); ok && node["type"] == "object" {
			node["additionalProperties"] = false
			closeObjects(properties)
		}
		for _, child := range node {
			closeObjects(child)
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}

func follows(t *testing.T, name string, schema *jsonschema.Schema, text []byte) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, text)
		return
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %v\n%s", name, err, text)
	}
}

// TestSchemaNamesTheCatalogues keeps the closed lists of the schema in step with the code.
func TestSchemaNamesTheCatalogues(t *testing.T) {
	text, err := os.ReadFile("../../docs/schema/paths.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Stage struct{ Enum []string } `json:"stage_name"`
			Judge struct {
				Properties struct{ Verdict struct{ Enum []string } }
			} `json:"verdict"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	var stages []string
	for _, s := range probes.Stages {
		stages = append(stages, s.Name)
	}
	if !slices.Equal(schema.Defs.Stage.Enum, stages) ||
		!slices.Equal(schema.Defs.Judge.Properties.Verdict.Enum, probes.VerdictNames[:]) {
		t.Errorf("the schema knows %v and %v", schema.Defs.Stage.Enum, schema.Defs.Judge.Properties.Verdict.Enum)
	}
}

func TestTargetsTakeNoParameter(t *testing.T) {
	if w := get(full().handler(), "/sd?tenant=contoso"); w.Code != 400 ||
		!strings.Contains(w.Body.String(), `unknown parameter "tenant"; no parameter is accepted here`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestJSONIsFiltered counts what the lists select, and requires an error that names a value that is unknown.
func TestJSONIsFiltered(t *testing.T) {
	s := gallery()
	h := s.handler()
	for _, c := range []struct {
		query                                  string
		paths, findings, certificates, tenants int
	}{
		{"", 13, 3, 3, 12},
		{"?tenant=fab*", 1, 0, 0, 1},
		{"?tenant=NOBODY", 0, 0, 0, 0},
		{"?state=failed", 2, 0, 0, 2},
		{"?state=passed&tenant=contoso", 8, 1, 3, 1},
		{"?severity=critical", 0, 1, 0, 1},
		{"?severity=warning", 1, 2, 0, 1},
	} {
		for route, want := range map[string]int{
			"paths": c.paths, "findings": c.findings, "certificates": c.certificates, "tenants": c.tenants,
		} {
			w := get(h, "/api/v1/"+route+c.query)
			var list []any
			if err := json.Unmarshal(w.Body.Bytes(), &list); w.Code != 200 || err != nil || len(list) != want {
				t.Errorf("%s%s: %d, %v, %d items, want %d", route, c.query, w.Code, err, len(list), want)
			}
		}
	}
	for query, want := range map[string]string{
		"?state=down": `state "down" is unknown`, "?severity=bad": `severity "bad" is unknown`,
		"?severity=off": `severity "off" is unknown`, "?q=a": `unknown parameter "q"; accepted are tenant, severity, state`,
	} {
		for _, route := range []string{"paths", "findings", "certificates", "tenants"} {
			if w := get(h, "/api/v1/"+route+query); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s%s: %d %s", route, query, w.Code, w.Body)
			}
		}
	}
}
