// Package exchangeonline reads the connectors of tenants from Exchange Online. It is the only package with credentials
// for it.
//
// The only public interface of Exchange Online for connectors is its PowerShell module. The module is a client of the
// REST method InvokeCommand, which takes the name and the parameters of a cmdlet and returns its records as JSON. These
// are the same records that ConvertTo-Json writes, so package inventory decodes both by the same rules.
//
//  1. A [Tenant] names the organization, its cloud, the application and its [Credential].
//  2. MSAL, Microsoft's library, gets a token from Microsoft Entra ID with the client credentials grant: with a
//     certificate (an assertion signed with PS256) or a secret. A token is used for one read and never stored.
//  3. [Client.Read] calls the cmdlets of [Cmdlets], none of which changes anything. The three cmdlets for accepted
//     domains and connectors must succeed. Each of the others may fail, and then has a [Failure].
//  4. [Answers] has the last answer of each cmdlet. A cmdlet that fails keeps its previous records, so that a failed
//     read never looks like the removal of a connector.
//  5. A [Reader] reads all tenants in the background, spread over the interval, and keeps the last good answers of each
//     in memory and in the cache folder.
//
// Everything that comes from the network is bounded: time, bytes, pages, nesting, retries. Redirects are not followed.
// No text of a peer becomes part of an error, because it could contain the token. A [Failure] has a reason of a closed
// list.
//
// Sources: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
// https://learn.microsoft.com/powershell/exchange/app-only-auth-powershell-v2. InvokeCommand is not documented; the
// facts come from public clients such as ScubaGear and CIPP.
package exchangeonline
