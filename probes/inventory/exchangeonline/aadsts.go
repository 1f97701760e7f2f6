package exchangeonline

import "time"

// entraErrors are the error codes of Microsoft Entra ID that an administrator can do something about.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var entraErrors = map[int]struct {
	reason Reason
	words  string
}{
	90002: {TokenRejected, "there is no tenant of this tenant_id in this cloud"},
	700016: {ConsentMissing, "the application of client_id is not in the tenant: nobody has consented to it there, or " +
		"client_id is wrong"},
	7000229: {ConsentMissing, "the application has no service principal in the tenant: nobody has consented to it there"},
	650052:  {ConsentMissing, "the tenant has not consented to the application's access to Exchange Online"},
	65001:   {ConsentMissing, "nobody in the tenant has consented to the application's permission"},
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

// certificateUnknown is also the answer in the first minutes after a certificate was registered.
const certificateUnknown = 700027

// judgeCodes words the error codes of an answer. The wait is how long until another attempt may succeed; 0: never.
func judgeCodes(codes []int) (*Failure, time.Duration) {
	for _, code := range codes {
		if e, known := entraErrors[code]; known {
			wait := time.Duration(0)
			if code == certificateUnknown {
				wait = rotationWait
			}
			return failure(e.reason, "Microsoft Entra ID gives no token (AADSTS%d): %s", code, e.words), wait
		}
	}
	return failure(TokenRejected, "Microsoft Entra ID gives no token (AADSTS%d)", codes[0]), 0
}
