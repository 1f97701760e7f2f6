#Requires -Version 5.1
<#
.SYNOPSIS
Exports the connectors and accepted domains of an Exchange Online organization for m365_connector_exporter.

.DESCRIPTION
Writes InboundConnector.json, OutboundConnector.json and AcceptedDomain.json into one folder per tenant, and a file for
each of these cmdlets that the sign-in may call: Get-OrganizationConfig, Get-TransportRule, Get-BlockedConnector,
Get-OnPremServerReportInfo, Get-TenantExemptionInfo, Get-OutboundConnectorReport, Get-IPv6StatusForAcceptedDomain,
Get-SmtpDaneInboundStatus and Get-DnssecStatusForVerifiedDomain. If one of the latter fails, its file is removed and a
warning names it: the exporter then does not judge what rests on it. Each file is written under a temporary name and
renamed, so that a reader never gets a partial file. The script changes nothing in Exchange Online.

With -AppId and -CertificateThumbprint (or -CertificateFilePath), the script signs in as an app with its certificate, as a
scheduled task needs; otherwise it signs in interactively. The app needs the application permission Exchange.ManageAsApp and
a role with read access, such as Global Reader. The script needs the module ExchangeOnlineManagement 3.0 or newer.

.PARAMETER Organization
The initial domain, such as contoso.onmicrosoft.com.

.PARAMETER OutputPath
The folder that contains one folder per tenant. Configure the exporter with: tenant_folders: [exports/*]

.PARAMETER TenantName
The name of the tenant's folder, which is the name of the tenant in the exporter. Default: the first label of -Organization.

.PARAMETER AppId
The application's (client) id.

.PARAMETER CertificateThumbprint
The app's certificate in the certificate store (Windows).

.PARAMETER CertificateFilePath
The app's certificate as a .pfx file, for systems without a certificate store.

.PARAMETER CertificatePassword
The password of that file.

.PARAMETER ExchangeEnvironmentName
The cloud, as for Connect-ExchangeOnline: O365Default, O365USGovGCCHigh, O365USGovDoD, O365China.

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
    $temporary = Join-Path $Folder ".$Name.$PID.tmp" # not .json, so that the exporter's patterns do not match it
    # -InputObject @(...) writes an array also for one record, and [] for none.
    $json = ConvertTo-Json -InputObject @($Records) -Depth 5
    try {
        # UTF-8 without a byte order mark in every version of PowerShell.
        [System.IO.File]::WriteAllText($temporary, $json, (New-Object System.Text.UTF8Encoding $false))
        Move-Item -LiteralPath $temporary -Destination $target -Force
    }
    finally {
        if (Test-Path -LiteralPath $temporary) { Remove-Item -LiteralPath $temporary -Force }
    }
    Write-Verbose ("{0}: {1} records" -f $target, @($Records).Count)
}

# Saves what a cmdlet returns that may be missing. The record of a domain does not always name it, and Microsoft
# documents few properties: Cmdlet and DomainName say what a record is.
function Save-Report {
    param([string] $Folder, [string] $Cmdlet, [scriptblock] $Read)

    $name = $Cmdlet.Substring(4) # without Get-
    try {
        $null = Get-Command -Name $Cmdlet -ErrorAction Stop
        Save-Export -Folder $Folder -Name $name -Records @(& $Read)
    }
    catch {
        Write-Warning ("{0} failed, and is not judged: {1}" -f $Cmdlet, $_.Exception.Message)
        $old = Join-Path $Folder "$name.json"
        if (Test-Path -LiteralPath $old) { Remove-Item -LiteralPath $old -Force }
    }
}

# Calls a cmdlet for each domain. Not every feature exists for every domain: it fails only if all calls fail.
function Read-Domain {
    param([string] $Cmdlet, [string] $Parameter, [string[]] $Domains)

    $failed = 0
    foreach ($domain in $Domains) {
        $argument = @{ $Parameter = $domain; ErrorAction = 'Stop' }
        try {
            foreach ($record in @(& $Cmdlet @argument)) {
                $record | Select-Object -Property * |
                    Add-Member -NotePropertyName 'Cmdlet' -NotePropertyValue $Cmdlet -Force -PassThru |
                    Add-Member -NotePropertyName 'DomainName' -NotePropertyValue $domain -Force -PassThru
            }
        }
        catch {
            $failed++
            Write-Verbose ("{0} failed for {1}: {2}" -f $Cmdlet, $domain, $_.Exception.Message)
            if ($failed -eq $Domains.Count) { throw }
        }
    }
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

# .NET does not use PowerShell's current folder: make the path absolute.
$folder = $PSCmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath((Join-Path $OutputPath $TenantName))
if (-not (Test-Path -LiteralPath $folder)) { $null = New-Item -ItemType Directory -Path $folder }

Connect-ExchangeOnline @connect
try {
    # Read all three before writing the first, so that a failure keeps the old files together.
    $inbound = @(Get-InboundConnector)
    $outbound = @(Get-OutboundConnector -IncludeTestModeConnectors $true)
    $domains = @(Get-AcceptedDomain)
    if ($domains.Count -eq 0) { throw 'The organization has no accepted domain: the sign-in has no role with read access.' }

    Save-Export -Folder $folder -Name 'InboundConnector' -Records $inbound
    Save-Export -Folder $folder -Name 'OutboundConnector' -Records $outbound
    Save-Export -Folder $folder -Name 'AcceptedDomain' -Records $domains

    Save-Report $folder 'Get-OrganizationConfig' { Get-OrganizationConfig | Select-Object Name, RejectDirectSend }
    Save-Report $folder 'Get-TransportRule' {
        Get-TransportRule -ResultSize Unlimited |
            Select-Object Name, Guid, State, Mode, Priority, ActivationDate, ExpiryDate, RouteMessageOutboundConnector
    }
    Save-Report $folder 'Get-BlockedConnector' { Get-BlockedConnector }
    Save-Report $folder 'Get-OnPremServerReportInfo' { Get-OnPremServerReportInfo }
    Save-Report $folder 'Get-TenantExemptionInfo' { Get-TenantExemptionInfo -BlockingScenario UnpatchedOnPremServer }

    # One call for each domain: those of the tenant itself only, and not more than the exporter needs.
    $names = @($domains | ForEach-Object { [string] $_.DomainName } | Select-Object -First 100)
    Save-Report $folder 'Get-OutboundConnectorReport' { Read-Domain 'Get-OutboundConnectorReport' 'Domain' $names }
    Save-Report $folder 'Get-IPv6StatusForAcceptedDomain' { Read-Domain 'Get-IPv6StatusForAcceptedDomain' 'Domain' $names }
    Save-Report $folder 'Get-SmtpDaneInboundStatus' { Read-Domain 'Get-SmtpDaneInboundStatus' 'DomainName' $names }
    Save-Report $folder 'Get-DnssecStatusForVerifiedDomain' { Read-Domain 'Get-DnssecStatusForVerifiedDomain' 'DomainName' $names }
}
finally {
    Disconnect-ExchangeOnline -Confirm:$false
}
