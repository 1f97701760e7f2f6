package daemon

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func TestSelectPaths(t *testing.T) {
	path := func(connector, hop, notProbed, notProbeable string) probes.Path {
		return probes.Path{
			ID:        probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: connector, Path: hop},
			NotProbed: notProbed, NotProbeable: notProbeable,
		}
	}
	all := []probes.Path{
		path("A", "a", "", ""), path("Off", "b", "the connector is disabled", ""),
		path("Wide", "c", "", "the range has more than 16 addresses"),
		path("HQ / DR", "d", "the connector is disabled", ""),
	}
	const (
		wide = "contoso › Wide › c (outbound) cannot be probed: the range has more than 16 addresses"
		off  = "contoso › Off › b (outbound) is not probed: the connector is disabled; name the connector to probe it: " +
			"contoso/outbound/Off"
		spare = "contoso › HQ / DR › d (outbound) is not probed: the connector is disabled; name the connector to probe " +
			"it: contoso/outbound/HQ%20%2F%20DR"
		rest = off + "\n" + wide + "\n" + spare
	)
	tests := []struct {
		targets []string
		want    int
		skipped string
		err     string
	}{
		{nil, 1, rest, ""},
		{[]string{"contoso/Off"}, 1, "", ""},
		{[]string{"contoso/A", "contoso/outbound/A/a"}, 1, "", ""},
		{[]string{"contoso/outbound/Off/b"}, 1, "", ""},
		{[]string{"contoso"}, 1, rest, ""},
		{[]string{"contoso/outbound", "contoso"}, 1, rest, ""},
		{[]string{"contoso", "contoso/Off"}, 2, wide + "\n" + spare, ""},
		{[]string{"contoso/Wide"}, 0, "", `"contoso/Wide": ` + wide},
		{[]string{"contoso", "contoso/Wide"}, 0, "", `"contoso/Wide": ` + wide},
		{[]string{"Contosoo"}, 0, "", `"Contosoo": no such tenant, connector or path; did you mean contoso?`},
		{
			[]string{"contoso/hq dr"},
			0, "",
			`"contoso/hq dr": no such tenant, connector or path; did you mean contoso/outbound/HQ%20%2F%20DR?`,
		},
		{
			[]string{"contoso/outbound/A/b.example"},
			0, "",
			`"contoso/outbound/A/b.example": no such tenant, connector or path; known: contoso/outbound/A/a`,
		},
		{[]string{"fabrikam"}, 0, "", `"fabrikam": no such tenant, connector or path; known: contoso`},
		{
			[]string{"contoso/HQ / DR"},
			0, "",
			`"contoso/HQ / DR": no such tenant, connector or path; known: contoso/outbound/A, ` +
				"contoso/outbound/HQ%20%2F%20DR, contoso/outbound/Off, contoso/outbound/Wide",
		},
	}
	for _, test := range tests {
		got, skipped, err := selectPaths(test.targets, all)
		if len(got) != test.want || strings.Join(skipped, "\n") != test.skipped || (err == nil) != (test.err == "") ||
			err != nil && err.Error() != test.err {
			t.Errorf("selectPaths(%q) = %v, %q, %v; want %d, %q, %q", test.targets, got, skipped, err, test.want,
				test.skipped, test.err)
		}
	}
}
