// Package chem holds molecules: the molecular graph, and what chemistry sees in it. Its subpackages read and
// write them: chem/smiles for SMILES, chem/sdf for MOL and SDF files.
//
// A [Mol] is a plain value on four slices: atoms, bonds, and their adjacency. [Sanitize] takes a graph as a file
// gave it and derives the rest: charges of nitro and its kin, implicit hydrogens, a Kekulé structure, rings,
// aromaticity, conjugation, hybridisation. [Mol.AssignStereo] then decides which marked stereo elements are real.
// [Mol.CanonicalRanks] orders the atoms in a way that depends on the molecule alone.
//
// Chemistry has no single truth here, so one model is followed in every rule: that of RDKit, the toolkit on which
// published activity models and fingerprints rest. Valences, hydrogens, aromaticity and stereo centres agree with
// it (version 2026.09, with its default stereo perception); the canonical order of atoms is Galen's own.
//
// Read mol.go first (the graph), then sanitize.go (the order of the steps), then stereo.go and canon.go.
//
// Sources: D. Weininger, SMILES, J. Chem. Inf. Comput. Sci. 28 (1988) 31; the OpenSMILES specification 1.0;
// P. Vismara, Union of all the minimum cycle bases of a graph, Electron. J. Combin. 4 (1997) R9; P. Labute, An
// efficient algorithm for the determination of topological RS chirality, J. Chem. Comput. Group (1996); B. McKay,
// Practical graph isomorphism, Congr. Numer. 30 (1981) 45; J. Edmonds, Paths, trees, and flowers, Canad. J. Math.
// 17 (1965) 449.
package chem
