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
		Long: `Check a configuration and name every mistake in it, each with its line, its key and what
would be right. Exit code 1 says that there is one.

Only the file is looked at, so that it can be checked on another machine. 'relay doctor'
looks whether what it names is there, and can be used: directories, tokens, programs,
addresses.`,
		Args: onlyFlags,
	}
	file := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		loaded, err := config.Load(*file)
		if err != nil {
			return failure{err}
		}
		fmt.Fprintf(c.OutOrStdout(), "%s is fine: %s, %s, %s\n", *file,
			count(len(loaded.Listeners), "listener"), count(len(loaded.Upstreams), "upstream"), count(len(loaded.Drops), "drop"))
		return nil
	}
	return c
}

// count says how many there are of a thing.
func count[N int | int64 | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
