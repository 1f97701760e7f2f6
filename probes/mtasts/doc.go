// Package mtasts gets the MTA-STS policy of a domain (RFC 8461), as a sender such as Exchange Online does.
//
// With MTA-STS a domain announces that its mail servers have publicly trusted certificates, and which servers these
// are. A sender follows these steps:
//
//  1. Look up the TXT record at _mta-sts.DOMAIN (section 3.1). Its id changes with the policy. Without a valid record
//     the domain has no policy.
//  2. Fetch https://mta-sts.DOMAIN/.well-known/mta-sts.txt (section 3.3): the certificate must be trusted and valid for
//     that name, the media type text/plain, the size at most 64 kB; redirects are not followed.
//  3. Cache the policy for its max_age (section 3.2), and fetch it again if the id changes. A record that disappears,
//     or a fetch that fails, does not affect a cached policy.
//  4. If the mode is enforce (section 5), deliver only to MX hosts that the policy lists (section 4.1: "*" covers one
//     label) and whose certificate is valid for their name.
//
// [Fetcher.Policy] performs steps 1 to 3, [Policy.Matches] compares an MX host with the policy, and [Predict] predicts
// the result of step 4. A policy that cannot be used is a State with a Problem, never an error.
package mtasts
