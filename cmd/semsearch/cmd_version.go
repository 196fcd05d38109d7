package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/semsearch/semsearch/internal/f32"
)

// release is the version of a release; the build sets it with -ldflags "-X main.release=v1.2.3".
var release string

func newVersion(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:         "version [flags]",
		Short:       "Print the version",
		Long:        "Print the version, how the program was built, and which processor instructions it uses.",
		Example:     "  semsearch version",
		Annotations: exitCodes("done", "", "an error"),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON {
				return a.printJSON(struct {
					Schema  int    `json:"schema"`
					Version string `json:"version"`
					Commit  string `json:"commit"`
					Go      string `json:"go"`
					OS      string `json:"os"`
					Arch    string `json:"arch"`
					Kernels string `json:"kernels"`
				}{jsonSchema, version(), commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH, f32.Impl()})
			}
			_, err := fmt.Fprintf(a.stdout, "semsearch %s (%s, %s/%s, %s kernels)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, f32.Impl())
			return err
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// version is the release, else what the module system recorded, else "devel".
func version() string {
	if release != "" {
		return release
	}
	if bi, ok := debug.ReadBuildInfo(); ok && bi.Main.Version != "" && bi.Main.Version != "(devel)" {
		return bi.Main.Version
	}
	return "devel"
}

// commit is the revision the program was built from, "" when it was not recorded.
func commit() string {
	bi, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range bi.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
