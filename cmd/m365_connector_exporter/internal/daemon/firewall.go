package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/regularfile"
)

// The published ranges that were fetched are kept in a file beside global.state_file.
const (
	endpointsSuffix = ".endpoints"
	maxListFile     = 16 << 20 // bytes of a list of addresses
)

// publishedRanges are the ranges of Exchange Online that a URL had.
type publishedRanges struct {
	URL     string         `json:"url"`
	Fetched time.Time      `json:"fetched"` // zero: never
	Ranges  []netip.Prefix `json:"ranges"`
}

// readPublished reads the ranges that the daemon keeps; none if there is no file, or another URL is configured.
func readPublished(ctx context.Context, cfg *config.Config) (publishedRanges, error) {
	none := publishedRanges{URL: cfg.Firewall.Endpoints}
	if cfg.Global.StateFile == "" || !cfg.Firewall.Fetched() {
		return none, nil
	}
	file := cfg.Global.StateFile + endpointsSuffix
	c, err := regularfile.Read(ctx, file, maxListFile)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	var kept publishedRanges
	if err == nil {
		err = json.Unmarshal(c.Data, &kept)
	}
	if err != nil {
		return none, fmt.Errorf("%s: %w", file, err)
	}
	if kept.URL != cfg.Firewall.Endpoints || len(kept.Ranges) == 0 {
		return none, nil
	}
	return kept, nil
}

// write replaces the file of ranges; without a state file, none is kept.
func (p publishedRanges) write(stateFile string) error {
	if stateFile == "" {
		return nil
	}
	return replaceFile(stateFile+endpointsSuffix, func(w io.Writer) error { return json.NewEncoder(w).Encode(p) })
}

// compareFirewall compares the list of a firewall with the published ranges: those of the configured file, those that
// were fetched, or the built-in ones. problem is why the latest fetch failed. It returns nil without a list.
func compareFirewall(f *config.Firewall, fetched publishedRanges, problem string) *check.Firewall {
	if f.File == "" {
		return nil
	}
	compared := &check.Firewall{File: f.File, Endpoints: f.Endpoints}
	published := f.Published
	if f.Fetched() {
		compared.URL, compared.Problem, compared.Fetched = f.Endpoints, problem, fetched.Fetched
		published = fetched.Ranges
	}
	if len(published) == 0 {
		published, compared.Endpoints = mailflow.ExchangeOnlineRanges(), ""
	}
	compared.Missing = mailflow.NotAllowed(published, f.Allowed)
	return compared
}

// ReadFirewall compares the addresses that a firewall admits with the ranges that Microsoft publishes for Exchange
// Online. Both files are those of the configuration if they are "". If the configuration names a URL, the ranges
// are those that the daemon keeps. It returns nil without a list. It prints a warning of lines that it skips.
func ReadFirewall(
	ctx context.Context, cfg *config.Config, file, endpoints string, warnings io.Writer,
) (*check.Firewall, error) {
	f := cfg.Firewall
	var err error
	if file != "" {
		list, err := readList(ctx, file, mailflow.ParseAllowed)
		if err != nil {
			return nil, fmt.Errorf("--firewall: %w", err)
		}
		if warning := list.Warning(); warning != "" {
			_, _ = fmt.Fprintf(warnings, "warning: --firewall: %s: %s\n", file, warning)
		}
		f.File, f.Allowed = file, list.Ranges
	}
	if endpoints != "" {
		f.Endpoints = endpoints
		if f.Published, err = readList(ctx, endpoints, mailflow.ParseEndpoints); err != nil {
			return nil, fmt.Errorf("--endpoints: %w", err)
		}
	}
	if f.File == "" && endpoints != "" {
		return nil, errors.New("--endpoints needs --firewall, or firewall.file in the configuration")
	}
	if !f.Fetched() {
		return compareFirewall(&f, publishedRanges{}, ""), nil
	}
	kept, err := readPublished(ctx, cfg)
	problem := "this command uses no network"
	if err != nil {
		problem = probes.Sanitise(err.Error(), maxShown)
	}
	return compareFirewall(&f, kept, problem), nil
}

// readList reads a file and parses it.
func readList[T any](ctx context.Context, file string, parse func([]byte) (T, error)) (parsed T, err error) {
	c, err := regularfile.Read(ctx, file, maxListFile)
	if err != nil {
		return parsed, fmt.Errorf("%s: %w", file, err)
	}
	if parsed, err = parse(inventory.UTF8(c.Data)); err != nil {
		return parsed, fmt.Errorf("%s: %w", file, err)
	}
	return parsed, nil
}
