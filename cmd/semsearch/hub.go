package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/hub"
)

// modelDir returns the folder that a model given on the command line means: that folder, or else that of
// the model of this name, which must have been pulled.
func modelDir(s string) (string, error) {
	if _, err := os.Stat(s); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	ref, err := hub.ParseRef(s)
	if err != nil {
		return s, nil // no name either: a folder that is missed when it is opened
	}
	cache, err := hub.DefaultCache()
	if err != nil {
		return "", err
	}
	dir, err := cache.Find(ref)
	if errors.Is(err, hub.ErrNotPulled) {
		return "", withHint(fmt.Errorf("%s: %w, nor has a model of this name been pulled", s, fs.ErrNotExist),
			"semsearch model pull "+s+" fetches it from the hub; a folder is given by its path")
	}
	return dir, err
}

// takesNames makes a command that takes the folder of a model take a name as well.
func takesNames(cmd *cobra.Command) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			dir, err := modelDir(args[0])
			if err != nil {
				return err
			}
			args = append([]string{dir}, args[1:]...)
		}
		return run(cmd, args)
	}
	return cmd
}
