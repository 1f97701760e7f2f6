package microsoft365

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// AADSTS codes of Entra ID (learn.microsoft.com/entra/identity-platform/reference-error-codes).
const (
	appNotFound        = 700016
	assertionInvalid   = 700027 // also for minutes after a certificate was renewed
	assertionTime      = 700024
	assertionAudience  = 700023
	assertionMalformed = 50027
	secretInvalid      = 7000215
	secretExpired      = 7000222
	tenantNotFound     = 90002
	consentMissing     = 65001
	accessBlocked      = 53003
	missingParameter   = 900144
	invalidScope       = 70011
	unsupportedGrant   = 70003
)

// refusals are the error of RFC 6749, the status and the text of each code, in which %[1]s is the client, %[2]s the
// tenant and %[3]s the detail.
var refusals = map[int]struct {
	kind   string
	status int
	text   string
}{
	appNotFound: {
		"unauthorized_client", http.StatusBadRequest, "Application with identifier '%[1]s' was not found in the " +
			"directory '%[2]s'. This can happen if the application has not been installed by the administrator of the " +
			"tenant or consented to by any user in the tenant. You may have sent your authentication request to the " +
			"wrong tenant.",
	},
	assertionInvalid: {
		"invalid_client", http.StatusUnauthorized, "The certificate with identifier used to sign the client assertion " +
			"is not registered on application. [Reason - %[3]s. Please visit the Azure Portal, Graph Explorer or " +
			"directly use MS Graph to see configured keys for app Id '%[1]s'.]",
	},
	assertionTime: {
		"invalid_client", http.StatusUnauthorized, "Client assertion is not within its valid time range. %[3]s.",
	},
	assertionAudience: {
		"invalid_client", http.StatusUnauthorized, "Client assertion audience claim does not match Realm issuer: %[3]s.",
	},
	assertionMalformed: {"invalid_client", http.StatusUnauthorized, "JWT token is invalid or malformed. %[3]s."},
	secretInvalid: {
		"invalid_client", http.StatusUnauthorized, "Invalid client secret provided. Ensure the secret being sent in " +
			"the request is the client secret value, not the client secret ID, for a secret added to app '%[1]s'.",
	},
	secretExpired: {
		"invalid_client", http.StatusUnauthorized, "The provided client secret keys for app '%[1]s' are expired. Visit " +
			"the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using " +
			"certificate credentials for added security: https://aka.ms/certCreds.",
	},
	tenantNotFound: {
		"invalid_request", http.StatusBadRequest, "Tenant '%[2]s' not found. Check to make sure you have the correct " +
			"tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may " +
			"happen if there are no active subscriptions for the tenant.",
	},
	consentMissing: {
		"invalid_grant", http.StatusBadRequest, "The user or administrator has not consented to use the application " +
			"with ID '%[1]s' named 'Connector exporter'. Send an interactive authorization request for this user and " +
			"resource.",
	},
	accessBlocked: {
		"invalid_grant", http.StatusBadRequest, "Access has been blocked by Conditional Access policies. The access " +
			"policy does not allow token issuance.",
	},
	missingParameter: {
		"invalid_request", http.StatusBadRequest, "The request body must contain the following parameter: '%[3]s'.",
	},
	invalidScope: {
		"invalid_scope", http.StatusBadRequest, "The provided request must include a 'scope' input parameter. The " +
			"provided value for the input parameter 'scope' is not valid. The scope '%[3]s' does not exist.",
	},
	unsupportedGrant: {
		"unsupported_grant_type", http.StatusBadRequest, "The app requested an unsupported grant type.",
	},
}

// refusal is why Entra ID issues no token.
type refusal struct {
	code                   int
	client, tenant, detail string
}

// writeRefusal writes Entra ID's error. A code that is not in the table gets a text of its own.
func writeRefusal(w http.ResponseWriter, r refusal) {
	known, ok := refusals[r.code]
	if !ok {
		known.kind, known.status, known.text = "invalid_client", http.StatusUnauthorized, "Refused."
	}
	text := known.text
	for i, value := range []string{r.client, r.tenant, r.detail} {
		text = strings.ReplaceAll(text, fmt.Sprintf("%%[%d]s", i+1), value)
	}
	trace, correlation, at := newGUID(), newGUID(), time.Now().UTC().Format("2006-01-02 15:04:05Z")
	writeJSON(w, known.status, map[string]any{
		"error": known.kind,
		"error_description": fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			r.code, text, trace, correlation, at),
		"error_codes": []int{r.code}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", r.code),
	})
}

func newGUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
