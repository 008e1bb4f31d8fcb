package quality

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"galen.dev/fault"
	"galen.dev/table"

	"golang.org/x/text/unicode/norm"
)

// checkLevels looks for too many levels and for levels that are one level written in two ways.
func (s *session) checkLevels(c *column) {
	if c.Kind != table.Category && c.Kind != table.Code {
		return
	}
	n := s.t.Rows - c.missing
	if c.distinct > s.th.HugeCategory || c.distinct >= 20 && n < 5*c.distinct {
		c.add(fault.Finding{
			Name: "huge-category", Severity: fault.Warning, Column: c.Name,
			Message: fmt.Sprintf("%d levels for %d values", c.distinct, n),
			Hint:    "roll the levels up into groups, or declare the column as text if it names rather than groups",
		})
	}
	if c.Kind == table.Code || c.distinct < 2 || c.distinct > 100_000 {
		return // codes differ by one sign on purpose
	}
	odd := c.oddLevels()
	if len(odd) == 0 {
		return
	}
	isOdd := make([]bool, len(c.Levels))
	for _, k := range odd {
		isOdd[k] = true
	}
	f := rowsWhere(s.t.Rows, func(i int) bool { return c.Cat[i] >= 0 && isOdd[c.Cat[i]] }).
		finding("category-typos", fault.Warning, c.Name)
	f.Message = fmt.Sprintf("%d of %d levels look like another level written differently", len(odd), c.distinct)
	f.Hint = "join them in the schema or at the source"
	c.add(f)
}

// oddLevels are the rarer ones of each pair of levels that differ by case, blanks, marks or accents, or by
// one letter where one level has at least 20 times the rows of the other.
func (c *column) oddLevels() []int {
	var live []int
	for k, n := range c.counts {
		if n > 0 {
			live = append(live, k)
		}
	}
	// The commonest level of a spelling stands; ties go by name so that the order of levels does not show.
	slices.SortFunc(live, func(a, b int) int {
		if d := c.counts[b] - c.counts[a]; d != 0 {
			return d
		}
		return strings.Compare(c.Levels[a], c.Levels[b])
	})
	var odd []int
	folded := make(map[string]bool, len(live))
	near := make(map[string][]int) // a spelling less one letter -> levels before this one
	plain := make([]string, len(c.Levels))
	for _, k := range live {
		plain[k] = fold(c.Levels[k])
		if plain[k] != "" && folded[plain[k]] {
			odd = append(odd, k)
			continue
		}
		folded[plain[k]] = true
		if utf8.RuneCountInString(plain[k]) < 5 || utf8.RuneCountInString(plain[k]) > 40 {
			continue // in a short word one letter makes another word; a long one is not a level
		}
		for _, d := range lessOne(plain[k]) {
			if slices.ContainsFunc(near[d], func(o int) bool {
				return c.counts[o] >= 20*c.counts[k] && oneLetterApart(plain[o], plain[k])
			}) {
				odd = append(odd, k)
				break
			}
		}
		for _, d := range lessOne(plain[k]) {
			near[d] = append(near[d], k)
		}
	}
	return odd
}

// fold writes a level in small letters without accents, blanks and marks. Signs that carry meaning stay:
// digits, <, >, =, + and minus before a digit.
func fold(s string) string {
	var b strings.Builder
	runes := []rune(norm.NFKD.String(s))
	for i, r := range runes {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), strings.ContainsRune("<>=+%≤≥", r):
			b.WriteRune(unicode.ToLower(r))
		case r == '.' && i > 0 && i+1 < len(runes) && unicode.IsDigit(runes[i-1]) && unicode.IsDigit(runes[i+1]),
			r == '-' && i+1 < len(runes) && unicode.IsDigit(runes[i+1]):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// lessOne is the word itself and all words of it with one letter less: two words one edit apart share one.
func lessOne(s string) []string {
	runes := []rune(s)
	out := []string{s}
	for i := range runes {
		d := string(runes[:i]) + string(runes[i+1:])
		if out[len(out)-1] != d {
			out = append(out, d)
		}
	}
	return out
}

// oneLetterApart tells whether one insertion, deletion or exchange makes one of the other, and of letters only:
// stage 1 and stage 2 are two things.
func oneLetterApart(a, b string) bool {
	x, y := []rune(a), []rune(b)
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	return len(x) <= 1 && len(y) <= 1 && len(x)+len(y) > 0 && !slices.ContainsFunc(append(x, y...), isNoLetter)
}

func isNoLetter(r rune) bool { return !unicode.IsLetter(r) }
