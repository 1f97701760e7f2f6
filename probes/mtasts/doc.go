// Package mtasts learns the MTA-STS policy of a domain (RFC 8461), as a sender such as Exchange Online applies it.
//
// A domain says with MTA-STS that its mail servers have certificates that the public trusts, and which servers they
// are. A sender proceeds so:
//
//  1. Look up the TXT record at _mta-sts.DOMAIN (section 3.1). Its id changes with the policy. Without a valid record
//     the domain has no policy.
//  2. Fetch https://mta-sts.DOMAIN/.well-known/mta-sts.txt (section 3.3): a trusted certificate for that name, no
//     redirect, media type text/plain, at most 64 kB.
//  3. Keep the policy for its max_age (section 3.2), and fetch it again if the id changes. While a policy is kept, a
//     record that vanishes or a fetch that fails changes nothing.
//  4. Deliver only to an MX host that the policy lists (section 4.1: "*" covers one label) and whose certificate is
//     valid for its name, if the mode is enforce (section 5).
//
// [Fetcher.Policy] does steps 1 to 3; [Policy.Matches] answers the first half of step 4. A policy that cannot be used
// is a value with a Problem, never an error.
package mtasts
