package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/alecthomas/kingpin/v2"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory/exchangeonline"
)

// maxName is the longest name of a tenant that is printed, in bytes.
const maxName = 256

type fetchCommand struct {
	name    string
	tenants *[]string
	output  *string
	check   *bool
}

func newFetchCommand(app *kingpin.Application) fetchCommand {
	cmd := app.Command("fetch", "Read the tenants that have a section exchange_online from Exchange Online once, and "+
		"write their exports to --output. Exit: 0 all tenants were read, 1 at least one was not.")
	return fetchCommand{
		name:    cmd.FullCommand(),
		tenants: cmd.Arg("tenant", "Tenants, by name. Default: all.").Strings(),
		output: cmd.Flag("output", "The folder in which each tenant gets a folder with its export. A tenant that cannot be "+
			"read keeps the export that it has.").PlaceHolder("FOLDER").String(),
		check: cmd.Flag("check", "Write nothing, and print what each tenant still has to grant.").Bool(),
	}
}

func (c fetchCommand) run(ctx context.Context, file string, s streams) int {
	if (*c.output == "") != *c.check {
		return s.usageError(errors.New("fetch needs either --output=FOLDER or --check"))
	}
	cfg, err := loadForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	tenants, err := daemon.LiveTenants(cfg, *c.tenants)
	if err != nil {
		return s.usageError(err)
	}
	status := exitOK
	if len(cfg.Problems()) > 0 && len(*c.tenants) == 0 {
		status = exitFailed
	}
	daemon.Fetch(ctx, cfg, tenants, *c.output, func(f daemon.Fetched) {
		if !f.OK() {
			status = exitFailed
		}
		if *c.check {
			printGrant(s.out, &f)
			return
		}
		printFetched(s.out, &f)
	})
	return status
}

// printFetched prints what was written for a tenant.
func printFetched(out io.Writer, f *daemon.Fetched) {
	name := probes.Sanitise(f.Tenant.Name, maxName)
	switch failed, why := firstFailure(f); {
	case why != nil:
		_, _ = fmt.Fprintf(out, "%s: not read, %s: %s: %s\n", name, why.Reason, failed, why.Message)
		return
	case f.Err != nil:
		_, _ = fmt.Fprintf(out, "%s: not written: %v\n", name, f.Err)
		return
	}
	_, _ = fmt.Fprintf(out, "%s: %s\n", name, f.File)
	for _, c := range exchangeonline.Cmdlets {
		if why := f.Read.Failures[c.Name]; why != nil {
			then := "checks that need it are not judged"
			if slices.Contains(f.Kept, c.Name) {
				then = "its last records stay in the file"
			}
			_, _ = fmt.Fprintf(out, "  %s: %s: %s; %s\n", c.Name, why.Reason, why.Message, then)
		}
	}
}

// firstFailure returns the first required cmdlet that failed, and why; nil if none did.
func firstFailure(f *daemon.Fetched) (string, *exchangeonline.Failure) {
	for _, c := range exchangeonline.Cmdlets {
		if why := f.Read.Failures[c.Name]; c.Required && why != nil {
			return c.Name, why
		}
	}
	return "", nil
}

// printGrant prints which half of the grant a tenant lacks, and what to do.
func printGrant(out io.Writer, f *daemon.Fetched) {
	t := &f.Tenant
	name := probes.Sanitise(t.Name, maxName)
	failed, why := firstFailure(f)
	if why == nil {
		_, _ = fmt.Fprintf(out, "%s: OK: the permission is granted, and the role allows the required cmdlets\n", name)
		for _, c := range exchangeonline.Cmdlets {
			if why := f.Read.Failures[c.Name]; why != nil {
				_, _ = fmt.Fprintf(out, "  not judged without %s: %s: %s\n", c.Name, why.Reason, why.Message)
			}
		}
		return
	}
	_, _ = fmt.Fprintf(out, "%s: %s: %s: %s\n", name, why.Reason, failed, why.Message)
	switch why.Reason {
	case exchangeonline.ConsentMissing:
		_, _ = fmt.Fprintf(out, "  missing: the application permission Exchange.ManageAsApp, with admin consent\n"+
			"  an administrator of the tenant grants it on %s\n", t.ConsentURL())
	case exchangeonline.RoleMissing:
		_, _ = fmt.Fprintf(out, "  missing: a Microsoft Entra role for the service principal of the application %s\n"+
			"  an administrator of the tenant assigns it Global Reader: Entra ID, Roles & admins, Global Reader, Add "+
			"assignments\n  a new assignment takes up to half an hour\n", t.ClientID)
	}
}
