package smiles_test

import (
	"os"
	"strings"
	"testing"

	"galen.dev/chem/smiles"
)

// The molecules of testdata/oscillating.smi are those with which people showed that a program's canonical SMILES was
// not stable: reading it again gave another one. The number behind each is that of the report in RDKit's list of
// issues. Here the canonical SMILES of the canonical SMILES, and of any order of the atoms, is the same text.
func TestOscillating(t *testing.T) {
	data, err := os.ReadFile("testdata/oscillating.smi")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		text, issue, _ := strings.Cut(strings.TrimSpace(line), " ")
		m, err := smiles.Parse(text)
		if err != nil {
			t.Errorf("%s (%s): %v", text, issue, err)
			continue
		}
		n++
		want := smiles.Canonical(m)
		back, err := smiles.Parse(want)
		if err != nil {
			t.Errorf("%s (%s): its canonical SMILES %s is not read: %v", text, issue, want, err)
			continue
		}
		if got := smiles.Canonical(back); got != want {
			t.Errorf("%s (%s): %s becomes %s", text, issue, want, got)
		}
		for seed := range uint64(50) {
			written := smiles.Random(m, seed)
			other, err := smiles.Parse(written)
			if err != nil {
				t.Errorf("%s (%s): %s is not read: %v", text, issue, written, err)
				break
			}
			if got := smiles.Canonical(other); got != want {
				t.Errorf("%s (%s): in the order %s it is %s, want %s", text, issue, written, got, want)
				break
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d molecules were looked at", n)
	}
}
