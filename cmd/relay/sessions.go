package main

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"relay/relay/admin"
)

// sessionPage is the API's answer, and its other one about drops.
type sessionPage struct {
	Total     int             `json:"total"`
	Items     []admin.Session `json:"items"`
	Transfers *transferPage   `json:"transfers,omitempty"` // nil = not asked for
}

type transferPage struct {
	Total int              `json:"total"`
	Items []admin.Transfer `json:"items"`
}

func sessionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sessions",
		Short: "List the sessions of a running relay, and the connections to its drops",
		Args:  cobra.NoArgs,
	}
	to := remoteFlags(c)
	query := url.Values{}
	flags := map[string]*string{
		"sort":     c.Flags().StringP("sort", "s", "rate", "by rate, bytes, age or idle, the largest first"),
		"listener": c.Flags().String("listener", "", "only of this `NAME`"),
		"upstream": c.Flags().String("upstream", "", "only of this `NAME`"),
		"backend":  c.Flags().String("backend", "", "only on this `ADDRESS`"),
		"client":   c.Flags().String("client", "", "only of clients whose address begins like `THIS`"),
	}
	limit := c.Flags().IntP("limit", "n", 40, "at most this many, to 1000")
	asJSON := c.Flags().Bool("json", false, "as JSON, for programs")
	c.RunE = func(c *cobra.Command, _ []string) error {
		from, err := to.client()
		if err != nil {
			return err
		}
		query.Set("limit", strconv.Itoa(*limit))
		for key, value := range flags {
			query.Set(key, *value)
		}
		var page sessionPage
		if err := from.ask("GET", "/sessions?"+query.Encode(), nil, &page, nil); err != nil {
			return err
		}
		if query.Get("listener")+query.Get("upstream")+query.Get("backend") == "" { // drops have none of them
			if err := from.ask("GET", "/transfers?"+query.Encode(), nil, &page.Transfers, nil); err != nil {
				return err
			}
		}
		if *asJSON {
			return writeJSON(c.OutOrStdout(), page)
		}
		printSessions(c.OutOrStdout(), &page)
		return nil
	}
	return c
}

func printSessions(w io.Writer, p *sessionPage) {
	drops := p.Transfers != nil && p.Transfers.Total > 0
	if p.Total == 0 && !drops {
		fmt.Fprintln(w, "No such sessions.")
	}
	if p.Total > 0 {
		printProxied(w, p)
	}
	if drops {
		printTransfers(w, p.Transfers)
	}
}

func printProxied(w io.Writer, p *sessionPage) {
	table(w, "ID\tCLIENT\tLISTENER\tBACKEND\tSTATE\tRATE\tUP\tDOWN\tAGE\tIDLE", func(t io.Writer) {
		for _, s := range p.Items {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s/s\t%s\t%s\t%s\t%s\n", s.ID, s.Client, s.Listener, s.Backend, s.State, admin.Size(s.Rate),
				admin.Size(float64(s.Bytes.Up)), admin.Size(float64(s.Bytes.Down)), ofSeconds(s.Age), ofSeconds(s.Idle))
		}
	})
	if p.Total > len(p.Items) {
		fmt.Fprintf(w, "%d of %d\n", len(p.Items), p.Total)
	}
}

func printTransfers(w io.Writer, p *transferPage) {
	table(w, "ID\tCLIENT\tDROP\tSTATE\tRATE\tMOVED\tOF\tAGE\tFILE", func(t io.Writer) {
		for _, s := range p.Items {
			file := ""
			if s.Path != "" {
				file = strconv.Quote(s.Path) // clients may write anything there
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s/s\t%s\t%s\t%s\t%s\n", s.ID, s.Client, s.Drop, s.State, admin.Size(s.Rate),
				admin.Size(float64(s.Sent)), admin.Size(float64(s.Size)), ofSeconds(s.Age), file)
		}
	})
	if p.Total > len(p.Items) {
		fmt.Fprintf(w, "%d of %d\n", len(p.Items), p.Total)
	}
}

func ofSeconds(s float64) string { return ago(time.Duration(s * float64(time.Second))) }

func sessionCommand() *cobra.Command {
	c := &cobra.Command{Use: "session", Short: "End a session of a running relay"}
	to := remoteFlags(c)
	reset := &cobra.Command{
		Use:   "reset ID…",
		Short: "Reset sessions, or connections to a drop, on both sides; 'relay sessions' lists them",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, ids []string) error {
			from, err := to.client()
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := from.ask("DELETE", "/sessions/"+url.PathEscape(id), nil, nil, nil); err != nil {
					return fmt.Errorf("%s: %w", id, err)
				}
				fmt.Fprintln(c.OutOrStdout(), id, "is reset")
			}
			return nil
		},
	}
	c.AddCommand(reset)
	return group(c, "reset ID")
}
