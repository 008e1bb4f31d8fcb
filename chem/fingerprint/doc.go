// Package fingerprint turns molecules into bit strings and counts of substructures, for similarity and for models.
//
// A [Generator] of one of five kinds breaks a sanitized molecule into features and folds their codes:
//
//   - [NewMorgan]: circular environments of atoms, ECFP; with [MorganOptions].Features FCFP. The usual choice.
//   - [NewPairs]: pairs of atoms with the number of bonds between them.
//   - [NewTorsions]: chains of four atoms.
//   - [NewPaths]: all connected subgraphs of up to seven bonds.
//   - [NewMACCS]: 166 questions that a chemist asked.
//
// Codes, bits and counts are those of RDKit (2026.09, rdFingerprintGenerator), since published models and thresholds
// of similarity rest on them; each option names RDKit's. [Generator.Explain] tells which atoms stand behind a bit.
// A generator uses its memory again: the common calls allocate nothing.
//
// Read generator.go first (features to bits), then morgan.go.
//
// Sources: D. Rogers, M. Hahn, Extended-connectivity fingerprints, J. Chem. Inf. Model. 50 (2010) 742;
// A. Gobbi, D. Poppinger, Biotechnol. Bioeng. 61 (1998) 47 (features); R. Carhart, D. Smith, R. Venkataraghavan,
// Atom pairs, J. Chem. Inf. Comput. Sci. 25 (1985) 64; R. Nilakantan et al., Topological torsion, ibid. 27 (1987) 82;
// J. Durant et al., Reoptimization of MDL keys, ibid. 42 (2002) 1273.
package fingerprint
