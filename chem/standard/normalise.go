package standard

import (
	"sync"

	"galen.dev/chem/transform"
)

// maxRestarts bounds how many rules are applied to one molecule.
const maxRestarts = 200

var normaliseRules = sync.OnceValue(func() []*transform.Rule {
	var rules []*transform.Rule
	for _, n := range normalisations {
		rules = append(rules, transform.MustParse(n.rule))
	}
	return rules
})

// normalise draws groups in one way: rule after rule, from the first again after each that fits.
func (w *work) normalise() error {
	rules := normaliseRules()
	for range maxRestarts {
		applied := false
		for i, r := range rules {
			done, err := r.Apply(w.m)
			if err != nil {
				return err
			}
			if done.Mol == nil {
				continue
			}
			atoms := make([]int32, len(done.Atoms))
			for k, a := range done.Atoms {
				atoms[k] = int32(a)
			}
			w.note("normalise", normalisations[i].name, atoms...)
			w.m = done.Mol
			applied = true
			break
		}
		if !applied {
			return nil
		}
	}
	w.note("normalise", "given up: the rules do not come to an end")
	return nil
}
