package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"relay/relay/admin"
)

func upgradeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "upgrade",
		Short: "Have a running relay hand over to the program now on disk",
		Long: `Have a running relay start the program that is on disk now, with its configuration and
its arguments, and hand over to it: the listening sockets, and every live session with
the bytes that are on their way. Clients and backends do not notice.

SIGUSR2 does the same. If the new process does not come up (its configuration has
mistakes, it ends, it hangs), nothing has changed, the reason is shown, and the exit code
is 1.`,
		Args: cobra.NoArgs,
	}
	to := remoteFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		from, err := to.reloadClient()
		if err != nil {
			return err
		}
		var u admin.Upgrade
		if err := from.ask("POST", "/upgrade", nil, &u, &u); err != nil {
			return err
		}
		if !u.OK {
			return failure{errors.New(u.Error + "\nThe old process goes on; nothing has changed.")}
		}
		fmt.Fprintf(c.OutOrStdout(), "relay %s serves as process %d: %s moved, the longest pause %.1f ms.\n",
			u.Version, u.PID, count(u.Moved, "session"), 1e3*u.Pause)
		if u.Left > 0 {
			fmt.Fprintf(c.OutOrStdout(), "The old process finishes %d that could not be moved.\n", u.Left)
		}
		return nil
	}
	return c
}
