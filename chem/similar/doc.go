// Package similar compares fingerprints: the nearest molecules, all within a threshold, diverse picks, clusters.
//
// A [Matrix] packs fingerprints into rows of words, as package fingerprint makes them or as an FPS file holds them
// ([ReadFPS]). An [Index] sorts the rows by the number of their bits. That number bounds every similarity, so most
// rows of a search need no look (Swamidass and Baldi); the others are counted by vector instructions, a block of rows
// for several queries at a time, since memory is slower than the counting. Results are exact and in a fixed order:
// higher scores first, and among equal ones the lower row.
//
// [Index.Nearest] and [Index.Above] search; [MaxMin] picks a diverse subset; [Butina] clusters. Scores, picks and
// clusters are RDKit's (2026.09).
//
// Read measure.go and matrix.go first, then index.go.
//
// Sources: S. Swamidass, P. Baldi, Bounds and algorithms for fast exact searches of chemical fingerprints,
// J. Chem. Inf. Model. 47 (2007) 302; M. Ashton et al., Quant. Struct.-Act. Relat. 21 (2002) 598 (MaxMin);
// D. Butina, J. Chem. Inf. Comput. Sci. 39 (1999) 747; A. Dalke, The chemfp project, J. Cheminform. 11 (2019) 76 (FPS).
package similar
