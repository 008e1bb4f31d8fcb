package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Molecules of a hundred thousand atoms, and what only looks like one, are worked on or told, and the next record goes on.
func TestHugeMolecules(t *testing.T) {
	input := strings.Repeat("C", 100_000) + " chain\n" + strings.Repeat("C(", 50_000) + strings.Repeat(")", 50_000) + "C branches\nCCO ok\n"
	for _, args := range [][]string{{"canonical"}, {"describe"}, {"filter"}, {"fingerprint"}, {"substructure", "CO"}, {"convert", "--to", "sdf"}, {"standardise"}} {
		code, out, stderr := galen(t, input, append([]string{"mol"}, args...)...)
		if code != 0 || !strings.Contains(out, "ok") {
			t.Errorf("%v: exit code %d, stderr %.500s", args, code, stderr)
		}
		if !strings.Contains(stderr, "standard input:2: empty-branch: character 100001") {
			t.Errorf("%v: stderr %.500s", args, stderr)
		}
	}
}

// endless is a list of molecules that never ends, and stops the command after some of them.
type endless struct {
	n    int
	stop func()
}

func (e *endless) Read(p []byte) (int, error) {
	e.n++
	if e.n == 5000 {
		e.stop()
	}
	return copy(p, fmt.Sprintf("CCO m%d\n", e.n)), nil
}

// A command that is stopped leaves neither its file nor a part of it.
func TestStoppedMolecules(t *testing.T) {
	for _, args := range [][]string{{"canonical"}, {"similar", "CCO"}, {"cluster"}} {
		out := filepath.Join(t.TempDir(), "out.smi")
		ctx, cancel := context.WithCancel(t.Context())
		var stderr bytes.Buffer
		a := &app{in: &endless{stop: cancel}, out: io.Discard, err: &stderr}
		cmd := a.root()
		cmd.SetArgs(append(append([]string{"mol"}, args...), "--out", out))
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		if err := cmd.ExecuteContext(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v: %v", args, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(out)); err != nil || len(entries) > 0 {
			t.Errorf("%v leaves %v, %v", args, entries, err)
		}
	}
}
