package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"relay/config"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check a configuration and name every mistake in it",
		Args:  cobra.NoArgs,
	}
	file := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		loaded, err := config.Load(*file)
		if err != nil {
			return failure{err}
		}
		fmt.Fprintf(c.OutOrStdout(), "%s is fine: %d listeners, %d upstreams, %d drops\n",
			*file, len(loaded.Listeners), len(loaded.Upstreams), len(loaded.Drops))
		return nil
	}
	return c
}
