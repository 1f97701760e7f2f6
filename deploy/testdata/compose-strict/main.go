// Command compose-strict loads a compose file with Docker Compose's own library and prints the project as JSON, like
// "docker compose config" but without Docker. An unknown key, an undeclared volume and a missing variable are errors.
// It is a separate module, so that the exporter does not depend on Compose.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if err := show(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func show(ctx context.Context, files []string) error {
	if len(files) == 0 {
		return errors.New("usage: compose-strict FILE …")
	}
	options, err := cli.NewProjectOptions(files, cli.WithOsEnv, cli.WithDefaultProfiles(), cli.WithResolvedPaths(true))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return err
	}
	out, err := project.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(out)
	return err
}
