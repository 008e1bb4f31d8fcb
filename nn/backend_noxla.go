//go:build !xla

package nn

import (
	"github.com/gomlx/compute"

	"galen.dev/fault"
)

func xlaBackend(string) (compute.Backend, error) {
	return nil, fault.WithHint(fault.Errorf(fault.Unavailable, "this program was built without XLA"),
		"build it with -tags xla, and put a PJRT plugin into ~/.local/lib/go-xla: docs of github.com/gomlx/go-xla say where plugins come from")
}
