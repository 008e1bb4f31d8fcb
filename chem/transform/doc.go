// Package transform changes molecules by rules written as reaction SMARTS, "pattern>>result":
//
//	rule := transform.MustParse("[N:1](=[O:2])=[O:3]>>[N+:1]([O-:2])=[O:3]")
//	changed, err := rule.Apply(m)
//
// The pattern is a SMARTS; the result says what becomes of its numbered atoms. An atom of the result may state a
// charge ([*+0:1]), a number of hydrogens ([NH2:1]) and an element; what it does not state stays. A bond that the
// result writes gets the order of its sign; without a sign it is single, or stays aromatic. One that the result
// leaves out is cut. Atoms of the pattern that the result does not name are deleted, and atoms of
// the result without a number, or with one that the pattern lacks, are made. The rest of the molecule stays.
//
// Read rule.go first, then sketch.go (how rules are read).
//
// Source: Daylight Theory Manual, chapter 5 (SMIRKS), with RDKit's reading of bonds without a sign.
package transform
