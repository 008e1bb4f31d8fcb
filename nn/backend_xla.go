//go:build xla

package nn

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"

	"galen.dev/fault"
)

// The library downloads plugins by itself unless it is told not to: a program in a hospital must not.
func init() { xla.EnableAutoInstall(false) }

func xlaBackend(plugin string) (compute.Backend, error) {
	if err := os.Setenv(xla.NoAutoInstallEnv, "1"); err != nil { // for programs that this one starts
		return nil, fault.Errorf(fault.Internal, "%w", err)
	}
	const get = "put a PJRT plugin into ~/.local/lib/go-xla, or name its folder in PJRT_PLUGIN_LIBRARY_PATH: docs of github.com/gomlx/go-xla say where plugins come from"
	plugins := xla.GetAvailablePlugins()
	slices.Sort(plugins)
	base, _, _ := strings.Cut(plugin, ",") // options follow
	known := slices.ContainsFunc(plugins, func(p string) bool { return p == base || strings.HasPrefix(p, base+"_v") })
	switch {
	case len(plugins) == 0:
		return nil, fault.WithHint(fault.Errorf(fault.Unavailable, "XLA has no plugin on this machine"), get)
	case !known && base != "":
		hint := fault.DidYouMean(base, plugins)
		if hint == "" {
			hint = get
		}
		return nil, fault.WithHint(fault.Errorf(fault.Unavailable, "XLA has no plugin %q on this machine: it has %q", base, plugins), "%s", hint)
	}
	b, err := started("xla:" + plugin)
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("loading the plugin %q: %w", plugin, err), "check that its driver is installed")
	}
	return b, nil
}
