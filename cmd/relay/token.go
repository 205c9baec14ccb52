package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"relay/relay/drop/token"
)

func tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "token",
		Short: "Make tokens for drops",
	}
	c.AddCommand(newTokenCommand())
	return group(c, "new --name alice")
}

func newTokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "new [FILE]",
		Short: "Make a token and show it once",
		Long: `Make a token and show it once. FILE, the tokens_file of a drop, gets a line with
its hash; without FILE the line is shown, too. A running relay knows the token after
'relay reload'.`,
		Example: "  relay token new --name alice --rights read,write --prefix /in/ relay.tokens",
		Args:    cobra.MaximumNArgs(1),
	}
	name := c.Flags().String("name", "", "whose it is, for the log (needed)")
	rights := c.Flags().String("rights", "read,write,list", "what it allows: some of read, write, list and delete")
	prefix := c.Flags().String("prefix", "/", "the `PATH` in the drop below which it holds")
	if err := c.MarkFlagRequired("name"); err != nil {
		panic(err)
	}
	c.RunE = func(c *cobra.Command, files []string) error {
		r, err := token.ParseRights(*rights)
		if err != nil {
			return fmt.Errorf("--rights: %w", err)
		}
		secret, line, err := token.New(*name, r, *prefix)
		if err != nil {
			return err
		}
		out := c.OutOrStdout()
		if len(files) == 0 {
			fmt.Fprintf(c.ErrOrStderr(), "For the tokens_file:\n%s\n", strings.TrimRight(line, "\n"))
			fmt.Fprintln(out, secret)
			return nil
		}
		if err := token.Append(files[0], line); err != nil {
			return failure{err}
		}
		fmt.Fprintf(c.ErrOrStderr(), "%s has its hash. This is the token; it is shown only now:\n", files[0])
		fmt.Fprintln(out, secret)
		return nil
	}
	return c
}
