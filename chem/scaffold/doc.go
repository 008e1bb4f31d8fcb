// Package scaffold cuts molecules into the parts that chemists compare: frameworks and fragments.
//
// [Murcko] keeps the rings and the chains between them; [Generic] forgets elements and bond orders. [Groups] puts
// molecules of one framework together and [Split] deals the groups out, as the benchmarks of molecular property
// prediction do, so that a model is tested on frameworks that it never saw. [BRICSBonds] finds the bonds that a
// synthesis would make, [BRICSBreak] cuts them all at once and [BRICSDecompose] one after the other.
//
// Results are the molecules that RDKit (2026.09) finds. Their canonical SMILES are Galen's.
//
// Read murcko.go, then brics.go.
//
// Sources: G. Bemis, M. Murcko, The properties of known drugs, J. Med. Chem. 39 (1996) 2887; J. Degen et al., On the art
// of compiling and using drug-like chemical fragment spaces, ChemMedChem 3 (2008) 1503; Z. Wu et al., MoleculeNet,
// Chem. Sci. 9 (2018) 513 (split).
package scaffold
