package nn

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"

	"galen.dev/fault"
)

// BackendNames lists what Backend knows. "xla" may be followed by a colon and the name of a plugin: "xla:cuda".
var BackendNames = []string{"cpu", "go", "xla"}

// Backend starts the backend of a name:
//
//   - "cpu", which "" means too: Galen's own, of package engine, which the program must import;
//   - "go": the stock Go backend of GoMLX, one operation after the other. It is slow, and the one to compare with;
//   - "xla" or "xla:PLUGIN": XLA by a PJRT plugin, such as "xla:cuda", in programs built with -tags xla. Nothing is
//     ever downloaded: a plugin that is missing is an Unavailable error that says how to get it.
//
// Other names are a Usage error.
func Backend(name string) (compute.Backend, error) {
	kind, plugin, hasPlugin := strings.Cut(name, ":")
	switch {
	case hasPlugin && kind != "xla":
		return nil, fault.Errorf(fault.Usage, "backend %q: only xla is followed by the name of a plugin", name)
	case kind == "xla":
		return xlaBackend(plugin)
	case kind == "go":
		// Its parallel mode can dead-lock, so operations run in sequence.
		return gobackend.New("ops_sequential")
	case kind != "cpu" && kind != "":
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "unknown backend %q: want one of %q", name, BackendNames), "%s", fault.DidYouMean(kind, BackendNames))
	}
	if !slices.Contains(compute.List(), "cpu") {
		return nil, fault.WithHint(fault.Errorf(fault.Unavailable, "this program was built without the backend %q", "cpu"), "import galen.dev/engine, or use the backend \"go\"")
	}
	return started("cpu")
}

// started makes a registered backend; its panics are errors.
func started(config string) (b compute.Backend, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			e, ok := thrown.(error)
			if !ok {
				e = errors.New(fmt.Sprint(thrown))
			}
			b, err = nil, fault.Errorf(fault.Unavailable, "starting backend %q: %w", config, e)
		}
	}()
	if b, err = compute.NewWithConfig(config); err != nil {
		return nil, fault.Errorf(fault.Unavailable, "starting backend %q: %w", config, err)
	}
	return b, nil
}
