package fault

import "strings"

// longest bounds the words that are compared: a file may have a hundred thousand columns with names of any length.
const longest = 200

// Nearest returns the candidate closest to a mistyped word, for "did you mean", or "" when none is close:
// at most a third of the letters may differ (insertion, deletion, exchange or swap of neighbours each count
// one), letter case and the difference of '-', '_' and ' ' count nothing. Ties go to the earlier candidate.
func Nearest(word string, candidates []string) string {
	w := fold(word)
	best, bound := "", len(w)/3+1
	for _, c := range candidates {
		f := fold(c)
		if len(w) > longest || len(f) > longest || len(f)-len(w) >= bound || len(w)-len(f) >= bound {
			continue // cannot be near, or is no word
		}
		if d := distance(w, f); d < bound {
			best, bound = c, d
		}
	}
	return best
}

// DidYouMean is Nearest as a hint: `did you mean "x"?`, or "".
func DidYouMean(word string, candidates []string) string {
	if n := Nearest(word, candidates); n != "" {
		return `did you mean "` + n + `"?`
	}
	return ""
}

func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// distance is the optimal string alignment distance in bytes.
func distance(a, b string) int {
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}
