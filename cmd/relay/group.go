package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// group has a command that is nothing without one of its own commands say so, with one
// as an example. Left to itself it would print its help and succeed, and a script with a
// misspelt word would believe that something was done.
func group(c *cobra.Command, example string) *cobra.Command {
	const letters = 2 // that may be wrong in a word that is understood
	c.SuggestionsMinimumDistance = letters
	c.RunE = func(*cobra.Command, []string) error { return nil } // what cannot run gets its help; Args lets nothing by
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s: a command is needed, such as '%s %s'", c.CommandPath(), c.CommandPath(), example)
		}
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return fmt.Errorf("unknown command %q for %q; did you mean %q?", args[0], c.CommandPath(), near[0])
		}
		return fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())
	}
	return c
}
