package exchangeonline

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/mailflow"
)

// TestValidateOutbound: tasks are read generously, and a token in them is never repeated.
func TestValidateOutbound(t *testing.T) {
	s := newService(t)
	s.cmdlets["Validate-OutboundConnector"] = list(
		`{"TaskName":"Check connectivity","IsTaskSuccessful":true,"Size@data.type":"System.Int32","Size":7,"Nothing":null}`,
		`{"taskname":"Send","IsTaskSuccessful":"perhaps","Echo":"Bearer `+accessToken+`",`+
			`"Long":"`+strings.Repeat("x", 999)+`"}`,
		`{}`)
	c, _ := s.client()
	tasks, f := c.ValidateOutbound(t.Context(), s.secretTenant(t), "Out", []string{"probe@contoso.com"})
	if f != nil {
		t.Fatal(f)
	}
	for i := range tasks {
		for _, field := range tasks[i].Fields {
			checkNoSecret(t, field.Value)
		}
		tasks[i].Fields = slices.DeleteFunc(tasks[i].Fields, func(f Field) bool {
			return f.Name == "Long" && len(f.Value) < 400
		})
	}
	want := []Task{
		{Name: "Check connectivity", Successful: mailflow.Yes, Fields: []Field{{"Size", "7"}}},
		{Name: "Send", Fields: []Field{{"Echo", "Bearer [token]"}, {"IsTaskSuccessful", "perhaps"}}},
		{},
	}
	if d := cmp.Diff(want, tasks); d != "" {
		t.Error(d)
	}
}

// TestValidateOutboundIsSentOnce: each call sends a message, so that none is repeated, whatever the answer.
func TestValidateOutboundIsSentOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   Reason
	}{
		{"500", reply(500, ""), Unreachable},
		{"429", throttle("1"), Throttled},
		{"403", reply(403, "\x00"), RoleMissing},
		{"not offered", reply(400, exception("x.CommandNotFoundException")), RoleMissing},
		{"HTML", reply(200, html), Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			s.cmdlets["Validate-OutboundConnector"] = c.answer
			client, waits := s.client()
			tasks, f := client.ValidateOutbound(t.Context(), s.secretTenant(t), "Out", []string{"probe@contoso.com"})
			if tasks != nil || f == nil || f.Reason != c.want {
				t.Errorf("%v, %v; want %s", tasks, f, c.want)
			}
			if len(s.calls) != 1 || len(*waits) > 0 {
				t.Errorf("%d calls, waits %v", len(s.calls), *waits)
			}
		})
	}
	s := newService(t)
	s.token = aadsts(401, 7000222)
	client, _ := s.client()
	if _, f := client.ValidateOutbound(t.Context(), s.secretTenant(t), "Out", nil); f == nil || f.Reason != TokenRejected {
		t.Errorf("without a token: %v", f)
	}
}

// TestReadUnread reads what is not known, once.
func TestReadUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReader(time.Now)
		var reads []string
		r.read = func(_ context.Context, _ *Client, tenant Tenant, _ *Answers) Read {
			reads = append(reads, tenant.Name)
			if tenant.Name == "b" {
				return failedRead(tenant, Unreachable)
			}
			return goodRead(tenant, "In")
		}
		all := []Tenant{tenantNamed("a", "x"), tenantNamed("b", "x")}
		_ = r.SetTenants(t.Context(), all, Options{Interval: time.Hour, MaxConcurrent: 1})
		r.ReadUnread(t.Context())
		r.ReadUnread(t.Context())
		if slices.Sort(reads); !slices.Equal(reads, []string{"a", "b", "b"}) {
			t.Errorf("read %v", reads)
		}
		if failed, is := r.States()["b"].Failed(); !is || failed.Reason != "unreachable" {
			t.Errorf("state %+v", r.States()["b"])
		}
	})
}
