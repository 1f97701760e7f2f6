package exchangeonline

import "time"

// entraErrors are the error codes of Microsoft Entra ID (AADSTS) whose cause an administrator can remove.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var entraErrors = map[int]struct {
	reason Reason
	words  string
}{
	90002: {TokenRejected, "there is no tenant of this tenant_id in this cloud"},
	700016: {ConsentMissing, "the application of client_id is not in the tenant: its administrator has not consented to " +
		"it, or client_id is wrong"},
	7000229: {ConsentMissing, "the application has no service principal in the tenant: its administrator has not " +
		"consented to it"},
	650052:  {ConsentMissing, "the tenant has not consented to the application's access to Exchange Online"},
	65001:   {ConsentMissing, "no administrator of the tenant has consented to the application's permission"},
	7000215: {TokenRejected, "the client secret is wrong: its value is needed, not its id"},
	7000222: {TokenRejected, "the client secret has expired"},
	700027: {TokenRejected, "the certificate is not one of those registered for the application, has expired, or was " +
		"registered only minutes ago"},
	700024:  {TokenRejected, "the assertion is not valid at this time: check the clock of this host"},
	7000112: {TokenRejected, "the application is disabled"},
	7000218: {TokenRejected, "the request has no credential"},
	53003:   {TokenRejected, "Conditional Access blocks the application"},
	500011:  {ConsentMissing, "Exchange Online is not available as a resource in the tenant"},
}

// certificateUnknown is also returned in the first minutes after a certificate was registered.
const certificateUnknown = 700027

// judgeCodes returns the failure for the error codes of a response, and how long to wait before another attempt may
// succeed; 0 if it cannot.
func judgeCodes(codes []int) (f *Failure, wait time.Duration) {
	for _, code := range codes {
		if e, known := entraErrors[code]; known {
			if code == certificateUnknown {
				wait = rotationWait
			}
			return failure(e.reason, "Microsoft Entra ID gives no token (AADSTS%d): %s", code, e.words), wait
		}
	}
	return failure(TokenRejected, "Microsoft Entra ID gives no token (AADSTS%d)", codes[0]), 0
}
