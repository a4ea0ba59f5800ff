package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand prints which program this is.
type versionCommand struct{}

// Help shows what is printed.
func (versionCommand) Help() string {
	return `The version, the revision it was built from and the compiler:

    $ quittance version`
}

// Run prints the version.
func (versionCommand) Run(p *program) error {
	_, err := fmt.Fprintln(p.stdout, version())
	return err
}

// version describes this build in a line.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "quittance, built without module support, " + runtime.Version()
	}
	revision := ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return fmt.Sprintf("quittance %s%s %s %s/%s", info.Main.Version, revision,
		info.GoVersion, runtime.GOOS, runtime.GOARCH)
}
