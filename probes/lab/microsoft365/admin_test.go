package microsoft365_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/lab/microsoft365"
)

func TestGrants(t *testing.T) {
	w := start(t)
	for name, c := range map[string]struct {
		appRole, directoryRole bool
		status, size           int // of the reply; 0 is any size
	}{
		"none":                {false, false, 401, -1},
		"directory role only": {false, true, 401, -1},
		"app role only":       {true, false, 403, 4096},
		"both":                {true, true, 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w.update(func(t *microsoft365.Tenant) {
				t.Apps[0].AppRole, t.Apps[0].DirectoryRole = c.appRole, c.directoryRole
			})
			r := w.invoke(w.token(), "", "Get-AcceptedDomain", "{}")
			if r.status != c.status || c.size > 0 && len(r.body) != c.size || c.size < 0 && len(r.body) > 0 {
				t.Errorf("%d, %d bytes, want %d", r.status, len(r.body), c.status)
			}
			if c.status == http.StatusForbidden && strings.Trim(string(r.body), "\x00") != "" {
				t.Error("the body of 403 is not of NUL bytes")
			}
		})
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	w := start(t)
	token := w.token()
	later := now.Add(2 * time.Hour)
	for name, token := range map[string]string{
		"none": "", "of another issuer": token[:len(token)-4] + "AAAA", "no JWT": "abc",
	} {
		if r := w.invoke(token, "", "Get-AcceptedDomain", "{}"); r.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	address := w.base + "/adminapi/beta/" + appID + "/InvokeCommand"
	if r := w.do(http.MethodPost, address, adminHeader(token), body("Get-AcceptedDomain", "{}")); r.status != 401 {
		t.Errorf("another tenant: %d", r.status)
	}
	before := now
	defer func() { now = before }()
	now = later
	if r := w.invoke(token, "", "Get-AcceptedDomain", "{}"); r.status != http.StatusUnauthorized {
		t.Errorf("expired token: %d", r.status)
	}
}

func TestHeadersThatPublicClientsSendAreRequired(t *testing.T) {
	w := start(t)
	token := w.token()
	for name, values := range map[string][]string{
		"Content-Type":      {"", "text/plain", "application/json"},
		"X-AnchorMailbox":   {"", "APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@other.example"},
		"Prefer":            {"", "odata.maxpagesize=", "odata.maxpagesize=10000"},
		"X-ResponseFormat":  {"", "clixml"},
		"Client-Request-Id": {"", "1"},
	} {
		for _, value := range values {
			header := adminHeader(token)
			header.Set(name, value)
			r := w.do(http.MethodPost, w.base+"/adminapi/beta/"+tenantID+"/InvokeCommand", header,
				body("Get-AcceptedDomain", "{}"))
			if _, message := failure(t, r); r.status != http.StatusBadRequest ||
				!strings.HasPrefix(strings.ToLower(message), "header "+strings.ToLower(name)) {
				t.Errorf("%s: %q: %d %s", name, value, r.status, message)
			}
		}
	}
	header := adminHeader(token)
	header.Set("X-AnchorMailbox", "UPN:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@"+domain)
	header.Set("Prefer", "odata.maxpagesize = 1000;odata.continue-on-error")
	address := w.base + "/adminapi/beta/" + tenantID + "/InvokeCommand"
	w.answer(w.do(http.MethodPost, address, header, body("Get-AcceptedDomain", "{}")))
}

func TestCommands(t *testing.T) {
	w := start(t)
	w.update(func(t *microsoft365.Tenant) {
		t.Records["Get-OutboundConnector"] = []json.RawMessage{
			microsoft365.Outbound("live", nil),
			microsoft365.Outbound("by rule", microsoft365.Properties{"IsTransportRuleScoped": true}),
			microsoft365.Outbound("test", microsoft365.Properties{"TestMode": true}),
		}
		t.Records["Get-IPv6StatusForAcceptedDomain contoso.com"] = []json.RawMessage{
			microsoft365.Other(microsoft365.Properties{"Name": "v6"}),
		}
		t.Records["Get-SmtpDaneInboundStatus contoso.com"] = []json.RawMessage{
			microsoft365.Other(microsoft365.Properties{"Name": "dane"}),
		}
		t.Missing, t.Denied = []string{"Get-BlockedConnector"}, []string{"Get-TransportRule"}
	})
	token := w.token()
	const ambiguous, transformation = "AmbiguousParameterSetException", "ParameterTransformationException"
	for name, c := range map[string]struct {
		cmdlet, parameters string
		status             int
		want               string // the names of the records, or the end of the exception
	}{
		"records":            {"Get-AcceptedDomain", `{}`, 200, "contoso.com"},
		"no records":         {"Get-InboundConnector", `{"ResultSize":"Unlimited"}`, 200, ""},
		"without test mode":  {"Get-OutboundConnector", `{}`, 200, "live,by rule"},
		"with test mode":     {"Get-OutboundConnector", `{"IncludeTestModeConnectors":true}`, 200, "live,by rule,test"},
		"scoped by rules":    {"Get-OutboundConnector", `{"IsTransportRuleScoped":true}`, 200, "by rule"},
		"flag that is none":  {"Get-OutboundConnector", `{"IncludeTestModeConnectors":"x"}`, 400, transformation},
		"scope that is none": {"Get-OutboundConnector", `{"IsTransportRuleScoped":3}`, 400, transformation},
		"one domain":         {"Get-IPv6StatusForAcceptedDomain", `{"Domain":"Contoso.com"}`, 200, "v6"},
		"other domain":       {"Get-IPv6StatusForAcceptedDomain", `{"Domain":"other.example"}`, 200, ""},
		"domain by name":     {"Get-SmtpDaneInboundStatus", `{"DomainName":"contoso.com"}`, 200, "dane"},
		"no domain":          {"Get-SmtpDaneInboundStatus", `{}`, 400, transformation},
		"parameter that it does not have": {
			"Get-SmtpDaneInboundStatus", `{"Domain":"contoso.com"}`, 400, ambiguous,
		},
		"validation": {
			"Validate-OutboundConnector", `{"Identity":"live","Recipients":["a@contoso.com"]}`, 200, "",
		},
		"validation of nothing": {
			"Validate-OutboundConnector", `{"Identity":"gone","Recipients":["a@contoso.com"]}`, 400,
			"ManagementObjectNotFoundException",
		},
		"validation for nobody": {"Validate-OutboundConnector", `{"Identity":"live","Recipients":[]}`, 400, transformation},
		"parameters null":       {"Get-AcceptedDomain", `null`, 400, transformation},
		"parameters a list":     {"Get-AcceptedDomain", `[]`, 400, ""},
		"ResultSize invalid":    {"Get-AcceptedDomain", `{"ResultSize":"many"}`, 400, "InvalidPaginationRequestException"},
		"missing cmdlet":        {"Get-BlockedConnector", `{}`, 400, "CommandNotFoundException"},
		"unknown cmdlet":        {"Get-Everything", `{}`, 400, "CommandNotFoundException"},
		"denied cmdlet":         {"Get-TransportRule", `{}`, 403, ""},
		"Set- is not there":     {"Set-InboundConnector", `{}`, 400, "CommandNotFoundException"},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.invoke(token, "", c.cmdlet, c.parameters)
			if r.status != c.status {
				t.Fatalf("%d %s, want %d", r.status, r.body, c.status)
			}
			switch c.status {
			case http.StatusOK:
				if got := names(w.answer(r)); got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
			case http.StatusBadRequest:
				if exception, message := failure(t, r); !strings.HasSuffix(exception, c.want) || message == "" {
					t.Errorf("%s %s, want %s", exception, message, c.want)
				}
			}
		})
	}
	if requests, refused := w.server.Count(domain, "Get-OutboundConnector"); requests != 5 || refused != 2 {
		t.Errorf("counted %d requests, %d refused, want 5 and 2", requests, refused)
	}
	if !slices.Contains(w.server.Requested(), "Set-InboundConnector") {
		t.Errorf("requested: %v", w.server.Requested())
	}
}

func names(a answer) string {
	var all []string
	for _, record := range a.Value {
		name, _ := record["Name"].(string)
		all = append(all, name)
	}
	return strings.Join(all, ",")
}

func TestSelectAndSidecars(t *testing.T) {
	w := start(t)
	w.update(func(t *microsoft365.Tenant) {
		t.Records["Get-OutboundConnector"] = []json.RawMessage{
			microsoft365.Outbound("a", microsoft365.Properties{"Size": 7, "Comment": microsoft365.Absent{}}),
		}
		t.Sidecars = true
	})
	a := w.answer(w.invoke(w.token(), "?$select=Name,LastValidationTimestamp,size", "Get-OutboundConnector", "{}"))
	want := []map[string]any{{
		"Name": "a", "LastValidationTimestamp": "2026-07-24T18:59:12.0000000",
		"LastValidationTimestamp@data.type": "System.DateTime", "Size": 7.0, "Size@data.type": "System.Int32",
	}}
	if diff := cmp.Diff(want, a.Value); diff != "" {
		t.Error(diff)
	}
	all := w.answer(w.invoke(w.token(), "", "Get-OutboundConnector", "{}")).Value[0]
	if _, ok := all["Comment"]; ok || all["SmtpDaneMode"] != "Opportunistic" || all["TlsDomain"] != nil {
		t.Errorf("%v", all)
	}
}

func TestPages(t *testing.T) {
	w := start(t)
	w.update(func(t *microsoft365.Tenant) {
		for i := range 1200 {
			t.Records["Get-AcceptedDomain"] = append(t.Records["Get-AcceptedDomain"],
				microsoft365.AcceptedDomain(fmt.Sprintf("d%d.example", i), nil))
		}
	})
	token := w.token()
	const unlimited = `{"ResultSize":"Unlimited"}`
	next := func(a answer) reply {
		return w.do(http.MethodPost, a.NextLink, adminHeader(token), body("Get-AcceptedDomain", unlimited))
	}
	for name, c := range map[string]struct {
		paging     microsoft365.Paging
		parameters string
		records    int
		warned     bool
		next       int // status of the next page; 0 if there is none
	}{
		"default size":        {microsoft365.PagingWorks, `{}`, 1000, true, 0},
		"two records":         {microsoft365.PagingWorks, `{"ResultSize":2}`, 2, true, 0},
		"next page":           {microsoft365.PagingWorks, unlimited, 1000, false, 200},
		"next page expired":   {microsoft365.PagingExpires, unlimited, 1000, false, 400},
		"only with a warning": {microsoft365.PagingWarns, unlimited, 1000, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w.update(func(t *microsoft365.Tenant) { t.Paging = c.paging })
			a := w.answer(w.invoke(token, "", "Get-AcceptedDomain", c.parameters))
			if len(a.Value) != c.records || (len(a.Warnings) > 0) != c.warned || (a.NextLink != "") != (c.next > 0) {
				t.Fatalf("%d records, warnings %q, next %q", len(a.Value), a.Warnings, a.NextLink)
			}
			if c.next == 0 {
				return
			}
			r := next(a)
			if r.status != c.next {
				t.Fatalf("next page: %d, want %d", r.status, c.next)
			}
			if c.next == http.StatusOK {
				if last := w.answer(r); len(last.Value) != 201 || last.NextLink != "" {
					t.Errorf("next page: %d records, next %q", len(last.Value), last.NextLink)
				}
				return
			}
			if _, message := failure(t, r); !strings.HasPrefix(message, "Expired or Invalid pagination request") {
				t.Error(message)
			}
		})
	}
	w.update(func(t *microsoft365.Tenant) {
		t.Paging, t.PageSize, t.Warnings = microsoft365.PagingWorks, 500, []string{"x"}
	})
	a := w.answer(w.invoke(token, "", "Get-AcceptedDomain", unlimited))
	total := len(a.Value)
	for a.NextLink != "" {
		a = w.answer(next(a))
		total += len(a.Value)
	}
	if total != 1201 || !slices.Equal(a.Warnings, []string{"x"}) {
		t.Errorf("%d records in all pages, warnings %q, want 1201", total, a.Warnings)
	}
}

func TestBatch(t *testing.T) {
	w := start(t)
	w.update(func(t *microsoft365.Tenant) { t.Denied = []string{"Get-TransportRule"} })
	token := w.token()
	send := func(requests ...map[string]any) reply {
		header := adminHeader(token)
		header.Set("Prefer", "odata.maxpagesize = 1000;odata.continue-on-error")
		text, err := json.Marshal(map[string]any{"requests": requests})
		if err != nil {
			t.Fatal(err)
		}
		return w.do(http.MethodPost, w.base+"/adminapi/beta/"+tenantID+"/$batch", header, string(text))
	}
	request := func(id, cmdlet string, change map[string]any) map[string]any {
		m := map[string]any{
			"id": id, "method": "POST", "url": w.base + "/adminapi/beta/" + tenantID + "/InvokeCommand",
			"body": json.RawMessage(body(cmdlet, "{}")),
		}
		maps.Copy(m, change)
		return m
	}
	r := send(
		request("1", "Get-AcceptedDomain", map[string]any{
			"headers": map[string]string{"X-CmdletName": "Get-AcceptedDomain"},
		}),
		request("2", "Get-TransportRule", nil),
		request("3", "Get-AcceptedDomain", map[string]any{"url": "/" + tenantID + "/InvokeCommand?$select=Name"}),
		request("4", "Get-AcceptedDomain", map[string]any{"url": "https://elsewhere.example/" + tenantID + "/InvokeCommand"}),
		request("5", "Get-AcceptedDomain", map[string]any{"url": "/me"}),
		request("6", "Get-AcceptedDomain", map[string]any{"method": "GET"}),
		request("7", "Get-AcceptedDomain", map[string]any{"url": ":"}),
		request("", "Get-AcceptedDomain", nil),
	)
	var answers struct {
		Responses []struct {
			ID   string          `json:"id"`
			Body json.RawMessage `json:"body"`
		} `json:"responses"`
	}
	if err := json.Unmarshal(r.body, &answers); err != nil || len(answers.Responses) != 8 {
		t.Fatalf("%d %s %v", r.status, r.body, err)
	}
	for i, want := range []string{`"value"`, `null`, `"value"`, `"error"`, `"error"`, `"error"`, `"error"`, `"error"`} {
		if got := answers.Responses[i]; !strings.Contains(string(got.Body), want) {
			t.Errorf("%s: %s, want %s", got.ID, got.Body, want)
		}
	}
	if got := string(answers.Responses[2].Body); strings.Contains(got, "DomainType") {
		t.Errorf("$select in a batch: %s", got)
	}
	if requests, _ := w.server.Count(tenantID, "Get-AcceptedDomain"); requests != 7 {
		t.Errorf("counted %d requests, want 7", requests)
	}
	for name, r := range map[string]reply{
		"no requests": send(),
		"eleven":      send(slices.Repeat([]map[string]any{request("1", "Get-AcceptedDomain", nil)}, 11)...),
		"not JSON": w.do(http.MethodPost, w.base+"/adminapi/beta/"+tenantID+"/$batch", adminHeader(token),
			"["),
		"not to continue on error": w.do(http.MethodPost, w.base+"/adminapi/beta/"+tenantID+"/$batch",
			adminHeader(token), `{"requests":[{"id":"1"}]}`),
	} {
		if r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, r.status)
		}
	}
}

func TestModuleFileListsCmdlets(t *testing.T) {
	w := start(t)
	w.update(func(t *microsoft365.Tenant) { t.Denied = []string{"Get-TransportRule"} })
	header := http.Header{"Authorization": {"Bearer " + w.token()}, "Commandname": {"*"}}
	address := w.base + "/AdminApi/v1.0/" + tenantID + "/EXOModuleFile"
	r := w.do(http.MethodGet, address+"?Version=3.9.2", header, "")
	var list struct {
		Value []struct {
			Cmdlets []string `json:"exportedCmdlets"`
		} `json:"value"`
	}
	if err := json.Unmarshal(r.body, &list); err != nil || len(list.Value) != 1 {
		t.Fatalf("%d %s %v", r.status, r.body, err)
	}
	got := list.Value[0].Cmdlets
	if !slices.Contains(got, "Get-InboundConnector") || slices.Contains(got, "Get-TransportRule") {
		t.Errorf("%v", got)
	}
	unnamed := http.Header{"Authorization": header["Authorization"]}
	for name, r := range map[string]reply{
		"without a version":     w.do(http.MethodGet, address, header, ""),
		"without a CommandName": w.do(http.MethodGet, address+"?Version=1", unnamed, ""),
	} {
		if r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, r.status)
		}
	}
}
