package smarts

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
	"galen.dev/fault"
)

func ExampleCommonSubstructure() {
	var mols []*chem.Mol
	for _, s := range []string{"Oc1ccccc1CN", "Oc1ccccc1C=O", "Oc1ccc(F)cc1CCl"} {
		m, err := smiles.Parse(s)
		if err != nil {
			panic(err)
		}
		mols = append(mols, m)
	}
	c, err := CommonSubstructure(context.Background(), mols, CommonOptions{Bonds: BondExact})
	fmt.Println(c.SMARTS, c.Atoms(), c.Bonds, c.Complete, err)
	// Output: [#8]-[#6]:1:[#6]:[#6]:[#6]:[#6]:[#6]1-[#6] 8 8 true <nil>
}

// TestCommonAgainstRDKit compares the number of bonds with RDKit's on pairs and small groups, most of one series, and
// checks that the pattern found matches each molecule.
func TestCommonAgainstRDKit(t *testing.T) {
	same := 0
	for _, line := range lines(t, "testdata/common.tsv") {
		f := strings.Split(line, "\t")
		var mols []*chem.Mol
		for _, s := range strings.Fields(f[3]) {
			m, err := smiles.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			mols = append(mols, m)
		}
		var o CommonOptions
		what := strings.Split(f[0], ",")
		o.Bonds = map[string]BondCompare{"order": BondOrder, "exact": BondExact, "any": BondAny}[what[0]]
		o.AnyAtom, o.RingMatchesRing, o.CompleteRings = what[1] == "1", what[2] == "1", what[3] == "1"
		c, err := CommonSubstructure(context.Background(), mols, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(c.Bonds); got != f[1] {
			t.Errorf("%s: %s bonds (complete: %v), RDKit %s: %s", line, got, c.Complete, f[1], c.SMARTS)
		} else {
			same++
		}
		if c.Atoms() == 0 {
			continue
		}
		p, err := Parse(c.SMARTS)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range mols {
			all, err := p.Find(m, Options{})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, match := range all {
				found = found || reflect.DeepEqual(match, c.Matches[i])
			}
			if !found {
				t.Errorf("%s: %s does not match molecule %d on %v", line, c.SMARTS, i, c.Matches[i])
			}
		}
	}
	t.Logf("%d agree", same)
}

func TestCommonLimits(t *testing.T) {
	parse := func(s string) *chem.Mol {
		m, err := smiles.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	ctx := context.Background()
	if _, err := CommonSubstructure(ctx, []*chem.Mol{parse("CC")}, CommonOptions{}); fault.KindOf(err) != fault.Usage {
		t.Error("one molecule:", err)
	}
	c, err := CommonSubstructure(ctx, []*chem.Mol{parse("CCO"), parse("[Na+].[Cl-]")}, CommonOptions{})
	if err != nil || c.Atoms() != 0 || c.SMARTS != "" || !c.Complete {
		t.Errorf("nothing in common: %+v %v", c, err)
	}
	c, err = CommonSubstructure(ctx, []*chem.Mol{parse("CO"), parse("CN"), parse("FC")}, CommonOptions{})
	if err != nil || c.SMARTS != "[#6]" || c.Bonds != 0 || fmt.Sprint(c.Matches) != "[[0] [0] [1]]" {
		t.Errorf("an atom in common: %+v %v", c, err)
	}
	taxol := parse("CC1=C2C(C(=O)C3(C(CC4C(C3C(C(C2(C)C)(CC1OC(=O)C(C(C5=CC=CC=C5)NC(=O)C6=CC=CC=C6)O)O)OC(=O)C7=CC=CC=C7)(CO4)OC(=O)C)O)C)OC(=O)C")
	strychnine := parse("O=C1CC2OCC=C3CN4CCC56C4CC3C2C6N1c1ccccc15")
	o := CommonOptions{AnyAtom: true, Bonds: BondAny, Steps: 20_000}
	first, err := CommonSubstructure(ctx, []*chem.Mol{taxol, strychnine}, o)
	if err != nil || first.Complete {
		t.Errorf("a search of few steps is complete: %+v %v", first, err)
	}
	again, err := CommonSubstructure(ctx, []*chem.Mol{taxol, strychnine}, o)
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("two searches differ: %+v, %+v, %v", first, again, err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := CommonSubstructure(gone, []*chem.Mol{taxol, strychnine}, o); err == nil {
		t.Error("a cancelled search goes on")
	}
}
