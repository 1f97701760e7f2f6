package evaluate

import (
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// If some names of a certificate are not recorded, no name matching proves nothing.
func TestJudgeNamesOfACertificateWithVeryManyNames(t *testing.T) {
	accepted := mailflow.NewDomainIndex([]mailflow.AcceptedDomain{{Name: "contoso.com"}})
	for _, c := range []struct {
		name    string
		omitted int
		want    probes.Outcome
	}{
		{"*.contoso.com", 0, probes.Passed},
		{"*.contoso.com", 900, probes.Passed},
		{"example.net", 0, probes.Failed},
		{"example.net", 900, probes.NotReached},
	} {
		client := &probes.TLS{Chain: []*probes.Certificate{{DNSNames: []string{c.name}, OmittedNames: c.omitted}}}
		judgeNames(client, accepted, "*.contoso.com")
		for _, v := range []probes.Verdict{probes.VerdictName, probes.VerdictAcceptedDomain} {
			if got := client.Verdicts[v].Outcome; got != c.want {
				t.Errorf("%s and %d names omitted: verdict %s is %s, want %s", c.name, c.omitted,
					probes.VerdictNames[v], got, c.want)
			}
		}
	}
}
