package medcode

import (
	_ "embed"
	"encoding/csv"
	"strings"
	"sync"
)

//go:embed icd10cm.csv
var icd10cm string

// Group is a chapter or a block of ICD-10.
type Group struct {
	Chapter int    // 1 to 22
	Range   string // such as "I20-I25"; "" for a chapter
	Title   string

	from, to string
}

var icd10Groups = sync.OnceValue(func() []Group {
	rows, err := csv.NewReader(strings.NewReader(icd10cm)).ReadAll()
	if err != nil {
		panic("medcode: " + err.Error()) // embedded
	}
	var out []Group
	chapter := 0
	for _, row := range rows[1:] {
		g := Group{Range: row[1], Title: row[2]}
		if g.Range == "" {
			chapter++
		}
		g.Chapter = chapter
		var ok bool
		if g.from, g.to, ok = strings.Cut(g.Range, "-"); !ok {
			g.to = g.from
		}
		out = append(out, g)
	}
	return out
})

// parseICD10 takes a code with or without its point: a category (I21) or a subcategory (I21.4, I214, S72.001A).
func parseICD10(s string) (string, bool) {
	s = strings.TrimSuffix(strings.TrimRight(s, "*+†"), ".")
	plain := strings.Replace(s, ".", "", 1)
	if n := len(plain); n < 3 || n > 7 || plain[0] < 'A' || plain[0] > 'Z' || plain[1] < '0' || plain[1] > '9' {
		return s, false
	}
	for i := 2; i < len(plain); i++ {
		c := plain[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return s, false
		}
	}
	if i := strings.IndexByte(s, '.'); i >= 0 && i != 3 {
		return s, false
	}
	if len(plain) == 3 {
		return plain, true
	}
	return plain[:3] + "." + plain[3:], true
}

// Category is the first three characters of an ICD-10 code, such as I21 of I21.4.
func Category(code string) string {
	if len(code) < 3 {
		return ""
	}
	return code[:3]
}

// Block is the narrowest block of ICD-10-CM that holds a code, such as I20-I25 of I21.4. ok is false where none does.
func Block(code string) (g Group, ok bool) {
	c := Category(code)
	for _, b := range icd10Groups() {
		if b.Range != "" && b.from <= c && c <= b.to && (!ok || b.from >= g.from && b.to <= g.to) {
			g, ok = b, true
		}
	}
	return g, ok
}

// Chapter is the chapter of ICD-10-CM that holds a code. ok is false where none does.
func Chapter(code string) (g Group, ok bool) {
	b, ok := Block(code)
	if !ok {
		return g, false
	}
	for _, c := range icd10Groups() {
		if c.Range == "" && c.Chapter == b.Chapter {
			return c, true
		}
	}
	return g, false
}
