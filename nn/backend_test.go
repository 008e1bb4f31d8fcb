package nn

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"

	"galen.dev/fault"
)

func TestBackend(t *testing.T) {
	b, err := Backend("go")
	if err != nil || b.String() != "go" {
		t.Fatal(b, err)
	}
	for name, want := range map[string]struct {
		kind fault.Kind
		hint string
	}{
		"cup":    {fault.Usage, `did you mean "cpu"?`},
		"zzzz":   {fault.Usage, ""},
		"go:fft": {fault.Usage, ""},
	} {
		if _, err := Backend(name); fault.KindOf(err) != want.kind || fault.HintOf(err) != want.hint {
			t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
	}
	for _, name := range []string{"xla", "xla:no-such-plugin"} { // with and without the build tag
		if _, err := Backend(name); fault.KindOf(err) != fault.Unavailable || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
	}
}

func TestBackendCPU(t *testing.T) {
	if !slices.Contains(compute.List(), "cpu") {
		for _, name := range []string{"", "cpu"} {
			if _, err := Backend(name); fault.KindOf(err) != fault.Unavailable || fault.HintOf(err) == "" {
				t.Errorf("%q: %v", name, err)
			}
		}
		return
	}
	if b, err := Backend(""); err != nil || b.Name() != "cpu" {
		t.Error(b, err)
	}
}

func TestStartedTurnsPanicsIntoErrors(t *testing.T) {
	if _, err := started("no such backend"); fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
}
