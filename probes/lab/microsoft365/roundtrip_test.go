package microsoft365_test

import (
	"context"
	"net/http"
	"testing"

	"m365_connector_exporter/probes/lab/microsoft365"
)

func TestServerWithoutANetwork(t *testing.T) {
	w := start(t)
	w.http.Transport = w.server
	w.base = "https://login.microsoftonline.com"
	token := w.token()
	w.base = "https://outlook.office365.com"
	w.answer(w.invoke(token, "", "Get-AcceptedDomain", "{}"))
	ctx, cancel := context.WithCancel(t.Context())
	w.server.InjectFault(tenantID, microsoft365.OpenID,
		func(http.ResponseWriter, *http.Request, http.Handler) { cancel() })
	address := "https://login.microsoftonline.com/" + tenantID + "/v2.0/.well-known/openid-configuration"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := w.http.Do(request); err == nil {
		t.Errorf("an answer to a request that was given up: %d", response.StatusCode)
		_ = response.Body.Close()
	}
}
