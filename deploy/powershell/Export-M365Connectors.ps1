#Requires -Version 5.1
<#
.SYNOPSIS
Exports the connectors and accepted domains of an Exchange Online organisation for m365_connector_exporter.

.DESCRIPTION
Writes InboundConnector.json, OutboundConnector.json and AcceptedDomain.json into a folder per tenant. Each file is written
beside its place and then moved, so that a reader never sees half of it. Nothing is changed in Exchange Online.

Signs in with an app and its certificate when -AppId and -CertificateThumbprint (or -CertificateFilePath) are given, as a
scheduled task does, else interactively. The app needs the application permission Exchange.ManageAsApp and a role that may read,
such as Global Reader. Needs the module ExchangeOnlineManagement 3.0 or newer.

.PARAMETER Organization
The initial domain, such as contoso.onmicrosoft.com.

.PARAMETER OutputPath
The folder that holds one folder per tenant. The exporter reads it by: tenant_folders: [exports/*]

.PARAMETER TenantName
The name of the tenant's folder, and so of the tenant in the exporter. Default: the organisation's first label.

.PARAMETER AppId
The application's (client) id.

.PARAMETER CertificateThumbprint
The app's certificate in the certificate store (Windows).

.PARAMETER CertificateFilePath
The app's certificate as a .pfx file, where there is no certificate store.

.PARAMETER CertificatePassword
The password of that file.

.PARAMETER ExchangeEnvironmentName
The cloud, as Connect-ExchangeOnline names it: O365Default, O365USGovGCCHigh, O365USGovDoD, O365China.

.EXAMPLE
.\Export-M365Connectors.ps1 -Organization contoso.onmicrosoft.com -OutputPath C:\exports

Signs in interactively.

.EXAMPLE
.\Export-M365Connectors.ps1 -Organization contoso.onmicrosoft.com -OutputPath C:\exports -AppId 00000000-0000-0000-0000-000000000000 -CertificateThumbprint 0123456789ABCDEF0123456789ABCDEF01234567

Signs in as an app, for a scheduled task.
#>
[CmdletBinding(DefaultParameterSetName = 'Interactive')]
param(
    [Parameter(Mandatory = $true)]
    [ValidatePattern('^[A-Za-z0-9.-]+$')]
    [string] $Organization,

    [Parameter(Mandatory = $true)]
    [ValidateNotNullOrEmpty()]
    [string] $OutputPath,

    [ValidatePattern('^[A-Za-z0-9][A-Za-z0-9 ._-]*$')]
    [string] $TenantName = $Organization.Split('.')[0],

    [Parameter(Mandatory = $true, ParameterSetName = 'Store')]
    [Parameter(Mandatory = $true, ParameterSetName = 'File')]
    [string] $AppId,

    [Parameter(Mandatory = $true, ParameterSetName = 'Store')]
    [string] $CertificateThumbprint,

    [Parameter(Mandatory = $true, ParameterSetName = 'File')]
    [string] $CertificateFilePath,

    [Parameter(ParameterSetName = 'File')]
    [System.Security.SecureString] $CertificatePassword,

    [string] $ExchangeEnvironmentName = 'O365Default'
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Save-Export {
    param([string] $Folder, [string] $Name, [object[]] $Records)

    $target = Join-Path $Folder "$Name.json"
    $temporary = Join-Path $Folder ".$Name.$PID.tmp" # no .json: the exporter's globs do not match it
    # -InputObject keeps an array of one an array, and none an empty one.
    $json = ConvertTo-Json -InputObject @($Records) -Depth 5
    try {
        # UTF-8 without a byte order mark, in every version of PowerShell.
        [System.IO.File]::WriteAllText($temporary, $json, (New-Object System.Text.UTF8Encoding $false))
        Move-Item -LiteralPath $temporary -Destination $target -Force
    }
    finally {
        if (Test-Path -LiteralPath $temporary) { Remove-Item -LiteralPath $temporary -Force }
    }
    Write-Verbose ("{0}: {1} records" -f $target, @($Records).Count)
}

Import-Module ExchangeOnlineManagement -MinimumVersion 3.0

$connect = @{ ShowBanner = $false; ExchangeEnvironmentName = $ExchangeEnvironmentName }
switch ($PSCmdlet.ParameterSetName) {
    'Store' { $connect += @{ AppId = $AppId; CertificateThumbprint = $CertificateThumbprint; Organization = $Organization } }
    'File' {
        $connect += @{ AppId = $AppId; CertificateFilePath = $CertificateFilePath; Organization = $Organization }
        if ($CertificatePassword) { $connect += @{ CertificatePassword = $CertificatePassword } }
    }
}

# .NET does not know PowerShell's current folder: the path is made whole here.
$folder = $PSCmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath((Join-Path $OutputPath $TenantName))
if (-not (Test-Path -LiteralPath $folder)) { $null = New-Item -ItemType Directory -Path $folder }

Connect-ExchangeOnline @connect
try {
    # All three are read before the first is written, so that a failure half way leaves the old ones together.
    $inbound = @(Get-InboundConnector)
    $outbound = @(Get-OutboundConnector -IncludeTestModeConnectors $true)
    $domains = @(Get-AcceptedDomain)
    if ($domains.Count -eq 0) { throw 'The organisation shows no accepted domain: the sign-in lacks a role that may read.' }

    Save-Export -Folder $folder -Name 'InboundConnector' -Records $inbound
    Save-Export -Folder $folder -Name 'OutboundConnector' -Records $outbound
    Save-Export -Folder $folder -Name 'AcceptedDomain' -Records $domains
}
finally {
    Disconnect-ExchangeOnline -Confirm:$false
}
