// Package standard brings molecules to one form, so that the same compound from two sources is the same record:
// metals are disconnected, groups are drawn alike, charges sit on the strongest acid, and on request salts are
// stripped, charges neutralised, isotopes and stereo dropped, and one tautomer is chosen.
//
//	r, err := standard.Standardize(m, standard.Options{Fragment: true, Uncharge: true})
//	r.Mol      // the parent
//	r.Changes  // what was done, with the atoms that took part
//
// Steps and rules are those of RDKit's MolStandardize, which came from MolVS: the zero Options are its Cleanup,
// Fragment its FragmentParent, Fragment and Uncharge its ChargeParent, Tautomer its TautomerParent. Ties that RDKit
// breaks by its own canonical order are broken here by Galen's, so the chosen tautomer may be another one of equal
// score.
//
// Read standard.go first (the order of steps), then one file for each step.
package standard
