package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/relay/admin"
)

func reloadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reload",
		Short: "Have a running relay read its configuration again",
		Long: `Have a running relay read its configuration again. Running sessions go on. A file
with mistakes changes nothing; they are shown, and the exit code is 1.`,
		Args: cobra.NoArgs,
	}
	to := remoteFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		from, err := to.reloadClient()
		if err != nil {
			return err
		}
		var r admin.Reload
		if err := from.ask("POST", "/reload", nil, &r, &r); err != nil {
			return err
		}
		if !r.OK {
			return failure{errors.New(strings.Join(r.Errors, "\n") + "\nNothing has changed.")}
		}
		fmt.Fprintln(c.OutOrStdout(), "The configuration is in force.")
		if len(r.Restart) > 0 {
			fmt.Fprintf(c.OutOrStdout(), "These changes wait for a restart: %s\n", strings.Join(r.Restart, ", "))
		}
		return nil
	}
	return c
}

// reloadClient is client for a file that may be full of mistakes: that is for relay to
// say, as long as the file still tells where relay is.
func (r *remote) reloadClient() (*client, error) {
	from, err := r.client()
	if err == nil || *r.admin != "" {
		return from, err
	}
	if a, ok := config.FindAdmin(*r.file); ok {
		*r.admin = a.Listen.String()
		if *r.token == "" {
			*r.token = a.TokenFile
		}
		return r.client()
	}
	return nil, err
}
