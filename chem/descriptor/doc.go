// Package descriptor computes numbers that describe a molecule: weights, counts, partition coefficient, surface
// areas, charges, topological indices, drug-likeness and ease of synthesis.
//
// [Table] lists every descriptor with its unit, range and source. [All] computes all of them, a [Describer] any
// choice, with memory that is used again; the common ones are plain functions too ([LogP], [TPSA], [QED]…).
//
// Published models were fitted on RDKit's values, and descriptors under one name differ between programs. So all
// values agree with RDKit 2026.09, whose names are used; where a paper and RDKit differ, RDKit is followed and the
// text of the descriptor says so. A value that does not exist for a molecule is NaN: the charge of an atom without
// parameters, topological indices of more than [MaxTopology] atoms. Two things differ on purpose or by necessity: Ipc
// and AvgIpc of large molecules, where RDKit's recursion loses its digits, and complexes of metals whose dative
// bonds the two programs draw differently (one of 324,000 molecules).
//
// Molecules come sanitized and with their stereo assigned, as the readers leave them. Hydrogens that are atoms
// count as atoms where RDKit counts them.
//
// Read table.go first, then crippen.go and qed.go.
package descriptor
