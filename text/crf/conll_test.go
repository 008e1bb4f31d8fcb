package crf

import (
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
)

func TestReadCoNLL(t *testing.T) {
	s, err := ReadCoNLL(t.Context(), strings.NewReader("-DOCSTART- O\n\nAcute\tNN\tB-Disease\nfever\tNN\tI-Disease\nB-cell\tO\r\n\n\n-DOCSTART- O\nHIV S-Virus\nAIDS B-Disease\nflu B-Disease\n"), "dir/x.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if len(s) != 2 || s[0].Text != "Acute fever B-cell" || s[0].Document != 0 || s[1].Document != 1 {
		t.Fatalf("%+v", s)
	}
	if want := []Entity{{From: 0, To: 2, Type: "Disease"}}; !slices.Equal(s[0].Entities, want) {
		t.Errorf("%v", s[0].Entities)
	}
	if want := []Entity{{From: 0, To: 1, Type: "Virus"}, {From: 1, To: 2, Type: "Disease"}, {From: 2, To: 3, Type: "Disease"}}; !slices.Equal(s[1].Entities, want) {
		t.Errorf("%v", s[1].Entities)
	}
	s, err = ReadCoNLL(t.Context(), strings.NewReader(strings.Repeat("a O\n\n", 25)), "x")
	if err != nil || s[9].Document != 0 || s[10].Document != 1 || s[24].Document != 2 {
		t.Errorf("documents of ten sentences: %v", err)
	}
	for in, want := range map[string]string{
		"a\n":                               "x:1: the token has no label",
		"a O\n\xff O\n":                     "x:2: the line is not valid UTF-8",
		"a I-X\n":                           "x:1: the label goes on",
		"a B-X\nb I-Y\n":                    "x:2: the label goes on",
		"a B-\n":                            "none of O",
		strings.Repeat("a", 70000) + " O\n": "longer than",
	} {
		if _, err := ReadCoNLL(t.Context(), strings.NewReader(in), "x"); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

func TestCompare(t *testing.T) {
	marked := []Entity{{From: 0, To: 2, Type: "A"}, {From: 3, To: 4, Type: "B"}}
	found := []Entity{{From: 0, To: 2, Type: "A"}, {From: 3, To: 5, Type: "B"}, {From: 6, To: 7, Type: "A"}}
	strict, lenient := Compare(marked, found)
	if strict != (Counts{1, 3, 2}) || lenient != (Counts{2, 3, 2}) || strict.F1() != .4 {
		t.Errorf("%v %v %v", strict, lenient, strict.F1())
	}
}

func FuzzReadCoNLL(f *testing.F) {
	f.Add("a\tB-X\nb\tI-X\n\nc O\n")
	f.Add("-DOCSTART-\n\na E-X\n")
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ReadCoNLL(t.Context(), strings.NewReader(in), "x")
		if err != nil {
			return
		}
		for _, x := range s {
			for _, k := range x.Tokens {
				_ = k.Of(x.Text)
			}
			for _, e := range x.Entities {
				if e.From < 0 || e.From >= e.To || e.To > len(x.Tokens) || e.Type == "" {
					t.Fatalf("%+v of %d tokens", e, len(x.Tokens))
				}
			}
		}
	})
}
