// Package microsoft365 is a fake of the services that a program reads connectors from: Entra ID, which issues tokens,
// and the Exchange Online admin API, which runs cmdlets. It listens on loopback with TLS and imports nothing of this
// module, so that it can contradict the client.
//
// How a client reads a tenant:
//
//  1. GET /{tenant}/v2.0/.well-known/openid-configuration names the token endpoint.
//  2. POST /{tenant}/oauth2/v2.0/token, grant client_credentials, with a secret or an assertion that the certificate's
//     key signed (RFC 7523, PS256), returns a token. A refusal has an AADSTS code.
//  3. POST /adminapi/beta/{tenant}/InvokeCommand with the token and the name of a cmdlet returns its records.
//     /adminapi/beta/{tenant}/$batch runs several, /AdminApi/v1.0/{tenant}/EXOModuleFile redirects to the tenant's
//     region or lists the cmdlets that the client may run.
//
// The application needs two grants: the app role Exchange.ManageAsApp and a directory role. Without both the API
// replies 401, with the first alone 403 and kilobytes of NUL bytes.
//
// Microsoft documents Entra ID (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow), but not
// the admin API: its replies are as public clients saw them. The server is strict where a request differs from what
// those clients send, so that a client that works here depends only on what has been shown.
//
// [Server.Update] changes a tenant, [Server.InjectFault] makes requests fail, [Server.Count] counts them, and
// [StartProxy] leads a client that uses the real host names to the server.
package microsoft365
