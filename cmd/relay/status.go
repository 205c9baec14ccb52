package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"relay/relay/admin"
)

func statusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what a running relay is doing",
		Args:  cobra.NoArgs,
	}
	to := remoteFlags(c)
	watch := c.Flags().BoolP("watch", "w", false, "again every second, with rates, until Ctrl-C")
	asJSON := c.Flags().Bool("json", false, "as JSON, for programs")
	c.RunE = func(c *cobra.Command, _ []string) error {
		from, err := to.client()
		if err != nil {
			return err
		}
		if *watch {
			return watchStatus(c.OutOrStdout(), from)
		}
		var s admin.State
		if err := from.ask("GET", "/state", nil, &s, nil); err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(c.OutOrStdout(), &s)
		}
		printStatus(c.OutOrStdout(), &s, nil, 0)
		return nil
	}
	return c
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// watchStatus draws the status anew every second. An answer that does not come is shown,
// and the next one waited for: relay may be restarting.
func watchStatus(w io.Writer, from *client) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before *admin.State
	var at time.Time
	for {
		var s admin.State
		var text strings.Builder
		err := from.ask("GET", "/state", nil, &s, nil)
		now := time.Now()
		if err != nil {
			fmt.Fprintln(&text, err)
			before = nil
		} else {
			printStatus(&text, &s, before, now.Sub(at))
			before, at = &s, now
		}
		fmt.Fprint(w, "\x1b[H\x1b[2J", text.String())
		select {
		case <-tick.C:
		case <-stop:
			return nil
		}
	}
}

// printStatus writes the tables, with rates where there is a state before to compare
// with.
func printStatus(w io.Writer, s, before *admin.State, passed time.Duration) {
	fmt.Fprintf(w, "relay %s is %s, pid %d, up %s, %s\n", s.Version, s.State, s.PID, ago(time.Since(s.Started)), s.Config)
	fmt.Fprintf(w, "%s open%s\n", count(s.Sessions, "session"), share(s.Spliced, s.Spliced+s.Copied))
	printSums(w, s)
	if before != nil && before.PID == s.PID {
		t := passed.Seconds()
		fmt.Fprintf(w, "now %s/s to clients, %s/s to backends, %.0f new sessions/s, loops %.1f %% busy\n",
			admin.Size(float64(s.Bytes.Down-before.Bytes.Down)/t), admin.Size(float64(s.Bytes.Up-before.Bytes.Up)/t),
			float64(s.Accepted-before.Accepted)/t, 100*(busy(s)-busy(before))/t/float64(max(len(s.Loops), 1)))
	}
	if r := s.LastReload; r != nil && !r.OK {
		fmt.Fprintf(w, "\nThe reload of %s was refused:\n  %s\n", r.At.Format(time.DateTime), strings.Join(r.Errors, "\n  "))
	} else if r != nil && len(r.Restart) > 0 {
		fmt.Fprintf(w, "\nThese changes wait for a restart: %s\n", strings.Join(r.Restart, ", "))
	}
	printListeners(w, s.Listeners)
	printUpstreams(w, s.Upstreams)
	printDrops(w, s.Drops)
	printForwards(w, s.Drops)
}

// printSums says what all listeners and all drops have done.
func printSums(w io.Writer, s *admin.State) {
	if len(s.Listeners) > 0 {
		fmt.Fprintf(w, "listeners: %d accepted, %s to clients, %s to backends\n", s.Accepted,
			admin.Size(float64(s.Bytes.Down)), admin.Size(float64(s.Bytes.Up)))
	}
	if len(s.Drops) > 0 {
		var requests, sent, received uint64
		for _, d := range s.Drops {
			requests, sent, received = requests+d.Requests, sent+d.Bytes, received+d.Received
		}
		fmt.Fprintf(w, "drops: %s, %s sent, %s received\n", count(requests, "request"), admin.Size(float64(sent)), admin.Size(float64(received)))
	}
}

func busy(s *admin.State) (total float64) {
	for _, l := range s.Loops {
		total += l.Busy
	}
	return total
}

func share(part, whole uint64) string {
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf("; %.0f %% of all bytes never in user space", 100*float64(part)/float64(whole))
}

// table aligns rows that are separated by tabs.
func table(w io.Writer, head string, rows func(io.Writer)) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintf(t, "\n%s\n", head)
	rows(t)
	t.Flush()
}

func printListeners(w io.Writer, all []admin.Listener) {
	if len(all) == 0 {
		return
	}
	table(w, "LISTENER\tADDRESS\tUPSTREAM\tOPEN\tACCEPTED\tTO CLIENTS\tTO BACKENDS", func(t io.Writer) {
		for _, l := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", l.Name, strings.Join(l.Addresses, " "), l.Upstream, l.Sessions, l.Accepted,
				admin.Size(float64(l.Bytes.Down)), admin.Size(float64(l.Bytes.Up)))
		}
	})
}

func printUpstreams(w io.Writer, all []admin.Upstream) {
	if len(all) == 0 {
		return
	}
	table(w, "UPSTREAM\tBACKEND\tHEALTH\tWEIGHT\tOPEN\tEVER\tFAILED\tWHY", func(t io.Writer) {
		for _, u := range all {
			for _, b := range u.Backends {
				fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", u.Name, b.Address, b.State, b.Weight, b.Sessions, b.Total, b.Failed, b.Why)
			}
		}
	})
}

func printDrops(w io.Writer, all []admin.Drop) {
	if len(all) == 0 {
		return
	}
	table(w, "DROP\tADDRESS\tDIRECTORY\tWAY\tOPEN\tREQUESTS\tSENT\tRECEIVED", func(t io.Writer) {
		for _, d := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\n", d.Name, strings.Join(d.Addresses, " "), d.Directory, d.Transfer, d.Sessions, d.Requests,
				admin.Size(float64(d.Bytes)), admin.Size(float64(d.Received)))
		}
	})
}

// printForwards is a table of what drops send on.
func printForwards(w io.Writer, all []admin.Drop) {
	some := slices.ContainsFunc(all, func(d admin.Drop) bool { return len(d.Forwards) > 0 })
	if !some {
		return
	}
	table(w, "FORWARD\tTO\tWAITING\tCARRIED\tFAILED\tOLDEST\tSENT\tBYTES\tLAST ERROR", func(t io.Writer) {
		for _, d := range all {
			for _, f := range d.Forwards {
				oldest := ""
				if f.Oldest != nil {
					oldest = ago(time.Since(*f.Oldest))
				}
				fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%d\t%s\t%s\n", d.Name, f.To, f.Waiting, f.Carried, f.Failed, oldest, f.Sent,
					admin.Size(float64(f.Bytes)), f.LastError)
			}
		}
	})
}

// ago is a time in its two largest units.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}
