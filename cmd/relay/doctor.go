package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"relay/config"
	"relay/relay"
	"relay/relay/probe"
)

func doctorCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find what on this machine stands in relay's way, and what mends it",
		Long: `Find what on this machine stands in relay's way: the kernel and what it really does when
it splices, pipes, descriptors, ports, TCP, network interfaces, privileges and file
systems, each held against the configuration. And what that names: files of tokens and
programs, with their owners and modes, and addresses to listen on that somebody else has.

Each check is ok, a note, a warning (it works, at a cost) or a problem (relay cannot do
what the configuration asks for), with the value found, why it matters, and the command
or the setting that mends it. Nothing is changed. It needs no privilege; run it as the
user that relay runs as, since files and some limits are the user's. Who has an address
root can see.

Exit code 1 says that there is a problem. Colours are for terminals; NO_COLOR turns them
off.`,
		Example: `  relay doctor
  relay doctor --config /etc/relay/relay.toml
  relay doctor --json | jq '.findings[] | select(.level == "warning")'`,
		Args: onlyFlags,
	}
	file := c.Flags().StringP("config", "c", "", "configuration `FILE` (default relay.toml if there is one, else what an empty one means)")
	asJSON := c.Flags().Bool("json", false, "print the findings as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		loaded, name, err := doctored(*file)
		if err != nil {
			return failure{err}
		}
		report := probe.Run()
		machine := probe.This(report)
		found := append(machine.Examine(relay.Needs(loaded)), machine.ExamineNamed(relay.Named(loaded))...)
		if *asJSON {
			err = printJSON(c.OutOrStdout(), name, report, found)
		} else {
			fmt.Fprintf(c.OutOrStdout(), "relay %s, with %s\n", version, name)
			found.Print(c.OutOrStdout(), layout(os.Stdout))
		}
		if err != nil {
			return failure{err}
		}
		if n := found.Count(probe.Problem); n > 0 {
			return failure{fmt.Errorf("doctor: %d of %d checks found a problem", n, len(found))}
		}
		return nil
	}
	return c
}

// doctored is the configuration to hold the machine against, and what to call it.
func doctored(file string) (*config.Config, string, error) {
	const usual = "relay.toml"
	if file == "" {
		if _, err := os.Stat(usual); errors.Is(err, fs.ErrNotExist) {
			return config.Default(), "the defaults (there is no relay.toml here; --config FILE names one)", nil
		}
		file = usual
	}
	c, err := config.Load(file)
	return c, file, err
}

func printJSON(out io.Writer, name string, r probe.Report, f probe.Findings) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Version  string         `json:"version"`
		Config   string         `json:"config"`
		Kernel   probe.Report   `json:"kernel"`
		Findings probe.Findings `json:"findings"`
		Problems int            `json:"problems"`
	}{version, name, r, f, f.Count(probe.Problem)})
}

// layout suits what standard output is.
func layout(out *os.File) probe.Layout {
	if !isatty.IsTerminal(out.Fd()) {
		return probe.Layout{}
	}
	l := probe.Layout{Colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if w, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ); err == nil {
		l.Width = int(w.Col)
	}
	return l
}
