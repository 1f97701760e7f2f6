// Package exchangeonline reads a tenant's connectors from Exchange Online itself, and is the only place that has
// credentials for it.
//
// Exchange Online has no public interface for connectors but its PowerShell module, which is a client of the REST
// method InvokeCommand: a cmdlet's name and parameters go in, its records come out as JSON. The JSON is that which
// ConvertTo-Json writes of the same records, so package inventory decodes both by the same rules.
//
//  1. [Tenant] says which organization is read, in which cloud, as which application, with which [Credential].
//  2. Microsoft's library MSAL gets a token from Microsoft Entra ID: the client credentials grant, with a certificate
//     (an assertion signed with PS256) or a secret. A token lives for one read and is kept nowhere.
//  3. [Client.Read] calls the cmdlets that [Cmdlets] lists. All of them only read. The three that describe connectors
//     and accepted domains must all succeed; each other one may fail, and then it has a [Failure].
//  4. [Answers] keep what was returned. A cmdlet that fails keeps the records that it returned before, so that a bad
//     read never looks like the removal of a connector.
//  5. [Reader] reads all tenants in the background, spread over the interval, and keeps the last good answers of each,
//     in memory and in the cache folder.
//
// Everything that comes from the network is bounded: time, bytes, pages, nesting, retries. Redirects are not followed,
// and no text of a peer becomes part of an error: a peer could repeat a token in it. A [Failure] has a reason of a
// closed list.
//
// Sources: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
// https://learn.microsoft.com/powershell/exchange/app-only-auth-powershell-v2. InvokeCommand itself is not documented;
// what is known of it comes from public clients such as ScubaGear and CIPP.
package exchangeonline
