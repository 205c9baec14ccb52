// Command relay is a layer-4 load balancer and a file-drop server whose payload never
// visits user space.
//
// This package is the command line and has no logic of its own: each command is a file,
// and what it does is in package relay or config.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitFailed = 1 // a bad configuration or a failed start
	exitUsage  = 2
)

// failure is an error of the work, not of the words on the command line. One without an
// error has been told already.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func (f failure) Error() string {
	if f.error == nil {
		return ""
	}
	return f.error.Error()
}

func main() {
	c, err := root().ExecuteC()
	if err == nil {
		return
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	if p := (partly{}); errors.As(err, &p) {
		os.Exit(exitPartly)
	}
	if f := (failure{}); errors.As(err, &f) {
		os.Exit(exitFailed)
	}
	fmt.Fprintf(os.Stderr, "Try '%s --help'.\n", c.CommandPath())
	os.Exit(exitUsage)
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "relay",
		Short: "A layer-4 load balancer and file server that never copies its payload",
		Long: `A layer-4 load balancer and file server that never copies its payload.

It serves what a TOML file says: relay.toml(5) has every key, 'relay run --config FILE'
begins, and 'relay check --config FILE' names the mistakes in one. The other commands ask
and steer a relay that runs, which needs [admin] in its file; move files to and from
drops; and measure the machine.

Exit codes: 0 fine, 1 it did not work, 2 wrong usage, 3 a part of a transfer is done.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.SetVersionTemplate(versionText())
	c.AddCommand(runCommand(), checkCommand(), reloadCommand(), upgradeCommand(), statusCommand(), sessionsCommand(), sessionCommand(),
		backendCommand(), getCommand(), sendCommand(), queueCommand(), tokenCommand(), doctorCommand(), benchCommand(), versionCommand())
	return group(c, "run")
}

// onlyFlags is cobra.NoArgs for commands that read the configuration, whose file is often
// given as a word.
func onlyFlags(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s: what is %q? A configuration is named by --config FILE", c.CommandPath(), args[0])
	}
	return nil
}

// configFlag is the same for every command that reads the configuration.
func configFlag(c *cobra.Command) *string {
	return c.Flags().StringP("config", "c", "relay.toml", "configuration `FILE`")
}
