package main

import (
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"relay/relay/admin"
)

func queueCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "queue",
		Short: "Show and steer what a running relay has still to forward",
	}
	to := remoteFlags(c)
	c.AddCommand(queueListCommand(to), queueRetryCommand(to), queueDropCommand(to))
	return group(c, "list")
}

func queueListCommand(to *remote) *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the files that are still to be sent, and those that were given up",
		Args:  cobra.NoArgs,
	}
	asJSON := c.Flags().Bool("json", false, "as JSON, for programs")
	c.RunE = func(c *cobra.Command, _ []string) error {
		from, err := to.client()
		if err != nil {
			return err
		}
		var all []admin.Queued
		if err := from.ask("GET", "/queue", nil, &all, nil); err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(c.OutOrStdout(), all)
		}
		if len(all) == 0 {
			fmt.Fprintln(c.OutOrStdout(), "nothing is waiting")
			return nil
		}
		printQueue(c.OutOrStdout(), all)
		return nil
	}
	return c
}

func printQueue(w io.Writer, all []admin.Queued) {
	table(w, "DROP\tFILE\tTO\tSIZE\tSTATE\tSINCE\tTRIES\tNEXT\tERROR", func(t io.Writer) {
		for _, q := range all {
			next := ""
			if q.Next != nil {
				next = "in " + ago(max(time.Until(*q.Next), 0))
			}
			fmt.Fprintf(t, "%s\t%q\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", q.Drop, q.Path, q.To, admin.Size(float64(q.Size)), q.State,
				ago(time.Since(q.Since)), q.Tries, next, q.Error)
		}
	})
}

func queueRetryCommand(to *remote) *cobra.Command {
	return &cobra.Command{
		Use:     "retry DROP [FILE]",
		Short:   "Send a file now, or all, also those that were given up",
		Example: "  relay queue retry outbox reports/today.csv",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			path := ""
			if len(args) > 1 {
				path = args[1]
			}
			return orderQueue(c, to, args[0], path, "retry", "tried again")
		},
	}
}

func queueDropCommand(to *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "drop DROP FILE",
		Short: "Take a file out of the queue; it counts as given up",
		Long: `Take a file out of the queue: it counts as given up, and relay queue retry brings it back.

What is carried already may arrive all the same; if it does not, that was the last try. Of a
file that is still arriving or settling nothing is sent from now on, and it is given up when
it is complete; a relay that is started anew before that knows nothing of it, and sends it.`,
		Example: "  relay queue drop outbox reports/today.csv",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return orderQueue(c, to, args[0], args[1], "drop", "dropped")
		},
	}
}

func orderQueue(c *cobra.Command, to *remote, drop, path, order, done string) error {
	from, err := to.client()
	if err != nil {
		return err
	}
	body := map[string]string{"path": path}
	var n admin.Ordered
	if err := from.ask("POST", "/drops/"+url.PathEscape(drop)+"/queue/"+order, body, &n, nil); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%d %s\n", n.Files, done)
	return nil
}
