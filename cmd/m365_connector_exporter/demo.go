package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/exporter-toolkit/web"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
	"m365_connector_exporter/probes/lab"
)

// demoConnections is enough for a browser and a Prometheus server.
const demoConnections = 64

type demoCommand struct {
	name   string
	listen *string
}

func newDemoCommand(app *kingpin.Application) demoCommand {
	cmd := app.Command("demo", "Try the exporter without a tenant: start DNS, mail servers, a CA, a fake of Exchange "+
		"Online and five tenants on loopback, some of them deliberately broken, and monitor them. Needs neither root nor "+
		"the Internet. Ctrl+C ends it.")
	return demoCommand{
		name:   cmd.FullCommand(),
		listen: cmd.Flag("web.listen-address", "Address of the demo's pages.").Default("127.0.0.1:10587").String(),
	}
}

func (c demoCommand) run(ctx context.Context, s streams) int {
	ignoreBrokenPipes()
	if err := checkListen(ctx, *c.listen); err != nil {
		return s.usageError(fmt.Errorf("--web.listen-address: %w", err))
	}
	if err := checkFree(ctx, *c.listen); err != nil {
		return s.usageError(fmt.Errorf("%w; choose another address, for example --web.listen-address=127.0.0.1:10588", err))
	}
	world, err := lab.StartWorld(lab.WorldOptions{Now: time.Now()})
	if err != nil {
		_, _ = fmt.Fprintf(s.err, "%s: demo: %v\n", program, err)
		return exitFailed
	}
	defer world.Close()
	dir, err := os.MkdirTemp("", "m365-demo-")
	if err != nil {
		_, _ = fmt.Fprintf(s.err, "%s: demo: %v\n", program, err)
		return exitFailed
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file, err := world.WriteConfig(dir)
	if err != nil {
		_, _ = fmt.Fprintf(s.err, "%s: demo: %v\n", program, err)
		return exitFailed
	}
	reporting, stop := context.WithCancel(ctx)
	defer stop()
	go func() { _ = world.SendTLSReport(reporting) }() // once the daemon listens; the demo also works without the report
	return c.watch(ctx, file, world.PolicyPort(), s)
}

func (c demoCommand) watch(ctx context.Context, file string, policyPort int, s streams) int {
	d, err := loadDaemon(ctx, file, s)
	switch {
	case ctx.Err() != nil:
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintf(s.err, "%s: demo: %v\n", program, err)
		return exitFailed
	}
	d.SetPolicyPort(policyPort)
	_, _ = fmt.Fprint(s.out, c.welcome(file))
	no, empty, addresses := false, "", []string{*c.listen}
	flags := &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &no, WebConfigFile: &empty}
	return serve(ctx, d, daemon.ServeOptions{Web: flags, MaxConnections: demoConnections}, s)
}

// welcome returns what the demo prints at its start. The command in it works as printed, even after "go run", which
// starts a program that is not on the PATH.
func (c demoCommand) welcome(file string) string {
	self, err := os.Executable()
	if err != nil {
		self = program
	}
	return fmt.Sprintf(`Five tenants run on loopback. Some of their mail servers are deliberately broken.
northwind and woodgrove are read from a fake Exchange Online; woodgrove has granted the permission, but no role.
Round trips of contoso and tailspin pass through it; those of tailspin are attributed to contoso.
Its TLS reports show failures on the way to the MX of contoso.example.
It would hold mail of tailspin, because the MTA-STS policy of moved.tailspin.example does not list its MX host, and mail
of fabrikam, because the certificate of stale.fabrikam.example is newer than its TLSA record.

  Pages            http://%[1]s/
  Metrics          http://%[1]s/metrics
  Configuration    %[2]s
  One tenant, now  %[3]s validate --config.file=%[2]s contoso

Every path is probed once within 15 seconds. Ctrl+C ends the demo.
`, *c.listen, file, self)
}
