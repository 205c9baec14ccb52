package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"relay/relay/transfer"
)

func sendCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "send [-r] PATH... URL",
		Short: "Put files and trees into a drop",
		Long: `Put files and trees into a drop. "-" is standard input.

A URL that ends in '/' is a directory that the files go into, each with its own name; one
that does not is the name that a single file, or what is in a single directory, is to
have. "dir/" is what is in a directory, without its name. Times, modes and empty
directories come along. Symbolic links in a tree are left out, and named, unless --follow
has them sent as what they point at; what is named itself is followed.

The drop shows a file when it is whole, its digest is the one computed here, and (as the
drop is configured) it is on its disk. A connection that breaks is made anew and the file
goes on where it broke; so it does when the command is given again. A file that changes
while it is sent is sent again. What the drop has already with the same size, time and
mode is not sent. A drop that keeps both of two files of a name (on_conflict) gives the
second one another name, which is told; with --json as "stored" of the event "done".

Exit codes: 0 all is there, 1 it is not, 2 wrong usage, 3 some of it is.`,
		Example: `  relay send report.pdf http://10.0.0.2:9000/in/
  relay send -r -j 8 photos http://10.0.0.2:9000/
  tar c /etc | RELAY_TOKEN=… relay send - http://10.0.0.2:9000/in/etc.tar`,
		Args: cobra.MinimumNArgs(2),
	}
	f := addTransferFlags(c, "")
	recursive := c.Flags().BoolP("recursive", "r", false, "send directories with what is in them")
	follow := c.Flags().BoolP("follow", "L", false, "send what symbolic links in a tree point at")
	state := c.Flags().String("state", stateDirectory(), "`DIRECTORY` that remembers unfinished uploads of large files")
	c.RunE = func(c *cobra.Command, args []string) error {
		paths, url := args[:len(args)-1], args[len(args)-1]
		if len(paths) > 1 && slices.Contains(paths, "-") {
			return errors.New("relay send: - (standard input) must be the only thing that is sent")
		}
		if !transfer.IsURL(url) {
			return errors.New("relay send: the last word must be a URL, such as http://host:9000/in/")
		}
		if _, err := transfer.ParseURL(url); err != nil {
			return err
		}
		o, err := f.options()
		if err != nil {
			return err
		}
		o.FollowLinks, o.StateDir = *follow, *state
		return f.perform(c, o, func(ctx context.Context, r *transfer.Run) error {
			if len(paths) == 1 && paths[0] == "-" {
				return r.SendStream(ctx, os.Stdin, url)
			}
			return r.Send(ctx, paths, *recursive, url)
		})
	}
	return c
}

// stateDirectory is where the XDG base directory specification has state that is to
// outlive a process; "" without a home.
func stateDirectory() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "relay", "uploads")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "state", "relay", "uploads")
}
