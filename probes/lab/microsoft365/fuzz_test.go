package microsoft365

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// FuzzAssertion finds assertions that make the server panic or that it accepts unsigned.
func FuzzAssertion(f *testing.F) {
	app := &App{ID: "a", Certificates: [][]byte{[]byte("no certificate")}}
	for _, seed := range []string{"", "a.b.c", "e30.e30.", "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.e30.AA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if code, _ := app.acceptAssertion(text, []string{"https://x"}, time.Unix(0, 0)); code == 0 {
			t.Errorf("accepted: %q", text)
		}
	})
}

// FuzzAdminRequest finds requests that make the server panic, and answers that are not JSON.
func FuzzAdminRequest(f *testing.F) {
	s := &Server{
		now: time.Now, tenants: map[string]*Tenant{}, faults: map[operation]Fault{}, usage: newUsage(), key: []byte("k"),
	}
	records := []json.RawMessage{Inbound("x", nil), json.RawMessage(`1`)}
	t := &Tenant{
		ID: "t", Apps: []App{{ID: "a", AppRole: true, DirectoryRole: true}},
		Records: map[string][]json.RawMessage{"Get-InboundConnector": records},
	}
	s.tenants["t"] = t
	token := s.sign(claimsOf(t, &t.Apps[0], "outlook.office365.com", time.Now()))
	handler := s.routes()
	f.Add("InvokeCommand?$select=Name", `{"CmdletInput":{"CmdletName":"Get-InboundConnector","Parameters":{}}}`)
	f.Add("$batch", `{"requests":[{"id":"1","method":"POST","url":"/t/InvokeCommand","body":{"CmdletInput":{}}}]}`)
	f.Add("InvokeCommand?$skiptoken=1", `[]`)
	f.Fuzz(func(t *testing.T, path, body string) {
		address := "https://outlook.office365.com/adminapi/beta/t/" + path
		r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		r.Header = http.Header{
			"Authorization": {"Bearer " + token}, "Content-Type": {"application/json; charset=utf-8"},
			"X-Anchormailbox": {"APP:SystemMailbox{bb558c35-97f1-4cb9-8ff7-d53741dc928c}@t"},
			"Prefer":          {"odata.maxpagesize=1000;odata.continue-on-error"}, "X-Responseformat": {"json"},
			"Client-Request-Id": {"0f8fad5b-d9cb-469f-a165-70867728950e"},
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Header().Get("Content-Type") == "application/json; charset=utf-8" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
