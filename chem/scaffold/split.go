package scaffold

import (
	"cmp"
	"slices"

	"galen.dev/chem"
	"galen.dev/chem/smiles"
)

// Groups puts molecules of one framework together. Frameworks are compared without chirality and isotopes; molecules
// without rings share the empty one, and one whose framework cannot stand alone (see Murcko) is a group of its own.
// Groups come by falling size, and those of one size by falling first index, as DeepChem's ScaffoldSplitter has them.
func Groups(mols []*chem.Mol) [][]int {
	at := map[string]int{}
	var groups [][]int
	for i, m := range mols {
		s, err := Murcko(m)
		if err != nil {
			groups = append(groups, []int{i})
			continue
		}
		key := smiles.CanonicalWith(s, smiles.Format{Flat: true})
		k, ok := at[key]
		if !ok {
			k = len(groups)
			at[key] = k
			groups = append(groups, nil)
		}
		groups[k] = append(groups[k], i)
	}
	slices.SortFunc(groups, func(a, b []int) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(b[0], a[0])) })
	return groups
}

// Split deals groups out in their order: into the training part while that stays within its fraction of all
// molecules, then into the validation part likewise, and the rest into the test part. It is deterministic: the test
// part gets the rare frameworks.
func Split(groups [][]int, train, validation float64) (trainRows, validationRows, testRows []int) {
	n := 0
	for _, g := range groups {
		n += len(g)
	}
	first, second := train*float64(n), (train+validation)*float64(n)
	for _, g := range groups {
		switch {
		case float64(len(trainRows)+len(g)) <= first:
			trainRows = append(trainRows, g...)
		case float64(len(trainRows)+len(validationRows)+len(g)) <= second:
			validationRows = append(validationRows, g...)
		default:
			testRows = append(testRows, g...)
		}
	}
	return trainRows, validationRows, testRows
}
