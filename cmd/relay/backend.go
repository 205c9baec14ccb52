package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

func backendCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "backend",
		Short: "Steer the backends of a running relay",
		Long: `Steer the backends of a running relay. What is ordered here holds until it is taken
back, the configured weight changes, or relay restarts.`,
	}
	to := remoteFlags(c)
	c.AddCommand(
		orderCommand(to, "drain", "drained", "Give a backend no new sessions; those it has go on"),
		orderCommand(to, "enable", "enabled", "Give a drained backend sessions again"),
		weightCommand(to),
	)
	return group(c, "drain web 10.0.0.2:80")
}

// orderCommand is drain or enable.
func orderCommand(to *remote, order, done, short string) *cobra.Command {
	return &cobra.Command{
		Use:     order + " UPSTREAM BACKEND",
		Short:   short,
		Example: "  relay backend " + order + " web 127.0.0.1:9001",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			from, err := to.client()
			if err != nil {
				return err
			}
			if err := from.ask("POST", backendPath(args[0], args[1], order), nil, nil, nil); err != nil {
				return named(args, err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s of %s: %s\n", args[1], args[0], done)
			return nil
		},
	}
}

func weightCommand(to *remote) *cobra.Command {
	return &cobra.Command{
		Use:     "weight UPSTREAM BACKEND N",
		Short:   "Give a backend another weight, 0 to 256, or \"default\" for the configured one",
		Example: "  relay backend weight web 127.0.0.1:9001 10",
		Args:    cobra.ExactArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			var body struct {
				Weight *int `json:"weight"`
			}
			if args[2] != "default" {
				n, err := strconv.Atoi(args[2])
				if err != nil {
					return errors.New("the weight is a number from 0 to 256, or default")
				}
				body.Weight = &n
			}
			from, err := to.client()
			if err != nil {
				return err
			}
			if err := from.ask("PUT", backendPath(args[0], args[1], "weight"), body, nil, nil); err != nil {
				return named(args, err)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s of %s: weight %s\n", args[1], args[0], args[2])
			return nil
		},
	}
}

func named(args []string, err error) error { return fmt.Errorf("%s of %s: %w", args[1], args[0], err) }
