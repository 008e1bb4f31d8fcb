package text

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"galen.dev/fault"
)

func words(s string, spans []Span) (out []string) {
	for _, p := range spans {
		out = append(out, p.Of(s))
	}
	return out
}

func TestSentences(t *testing.T) {
	for in, want := range map[string][]string{
		"":                        nil,
		" \n\t ":                  nil,
		"No fever. Denies cough.": {"No fever.", "Denies cough."},
		"Dr. Smith saw Mr. J. Doe at 8 a.m. today. He is well.": {"Dr. Smith saw Mr. J. Doe at 8 a.m. today.", "He is well."},
		"Given 2.5 mg b.i.d. for pain. Stable.":                 {"Given 2.5 mg b.i.d. for pain.", "Stable."},
		"The lungs are clear\nto auscultation. Heart regular.":  {"The lungs are clear\nto auscultation.", "Heart regular."},
		"First part\n\nSecond part":                             {"First part", "Second part"},
		"Plan:\n1. Aspirin\n2. Statin\n- follow up":             {"Plan:", "1. Aspirin", "2. Statin", "- follow up"},
		"PMH: asthma\r\nFAMILY HISTORY: diabetes":               {"PMH: asthma", "FAMILY HISTORY: diabetes"},
		"Fever? No! He said \"none.\" Then left.":               {"Fever?", "No!", "He said \"none.\"", "Then left."},
		"患者发热三天。无咳嗽。":                                           {"患者发热三天。", "无咳嗽。"},
		"Temp 38.5.":                                            {"Temp 38.5."},
		"vs. placebo and no. 5 was e.g. fine":                   {"vs. placebo and no. 5 was e.g. fine"},
	} {
		if got := words(in, Sentences(in)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestTokens(t *testing.T) {
	s := "T2-weighted MRI: 3.5mg naïve 高血压, β-blocker"
	var got []string
	for _, k := range Tokens(s) {
		got = append(got, k.Of(s))
	}
	if want := strings.Split("T2|-|weighted|MRI|:|3|.|5mg|naïve|高|血|压|,|β|-|blocker", "|"); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for in, want := range map[string]string{"BRCA2": "XXXd", "Fever": "Xxxx", "p53": "xdd", "12345": "ddd", "": "", "高血压": "xxx", "-": "-"} {
		if got := Shape(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestSections(t *testing.T) {
	s := "Seen today.\nHPI: cough\nfor two days.\nFamily History:\nmother with asthma\nWIDGETS: two\nPlan\nrest\n诊断：高血压"
	var got []string
	for _, sec := range Sections(s) {
		got = append(got, sec.Name+"|"+sec.Header.Of(s)+"|"+sec.Body.Of(s))
	}
	want := []string{"present|HPI|cough\nfor two days.", "family|Family History|mother with asthma", "other|WIDGETS|two", "plan|Plan|rest", "diagnosis|诊断|高血压"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	d := Parse(s)
	if d.SectionOf(3) != nil || d.SectionOf(strings.Index(s, "asthma")).Name != "family" {
		t.Error("positions are in other sections")
	}
	if n := len(d.TokensOf(d.Sentences[0])); n != 3 {
		t.Errorf("the first sentence has %d tokens", n)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{"\xef\xbb\xbfa": "a", "e\u0301": "é", "a\r\nb": "a\r\nb", "": ""} {
		if got, err := Clean([]byte(in), CleanOptions{}); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	_, err := Clean([]byte("abc\xffd\x00"), CleanOptions{})
	if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "2 bytes, the first at offset 3") {
		t.Errorf("%v", err)
	}
	if got, err := Clean([]byte("abc\xffd\x00"), CleanOptions{Replace: true}); err != nil || got != "abc\ufffdd\ufffd" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Clean(make([]byte, MaxBytes+1), CleanOptions{}); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "at most") {
		t.Errorf("%v", err)
	}
}

// check holds a document to what its comment promises.
func check(t interface{ Fatalf(string, ...any) }, s string) {
	d := Parse(s)
	at := 0
	for _, p := range d.Sentences {
		if p.Start < at || p.End <= p.Start || p.End > len(s) {
			t.Fatalf("sentence %v after %d in %q", p, at, s)
		}
		at = p.End
	}
	at = 0
	for _, k := range d.Tokens {
		if k.Start < at || k.End <= k.Start || k.End > len(s) || utf8.ValidString(s) && !utf8.ValidString(k.Of(s)) {
			t.Fatalf("token %v after %d in %q", k, at, s)
		}
		at = k.End
	}
	for _, sec := range d.Sections {
		if sec.Header.Start > sec.Header.End || sec.Body.Start > sec.Body.End || sec.Body.End > len(s) {
			t.Fatalf("section %v in %q", sec, s)
		}
	}
	// Sentences lose nothing but space, and so tokens are those of the whole.
	if all := Tokens(s); !slices.Equal(all, d.Tokens) && len(all) != len(d.Tokens) {
		t.Fatalf("%d tokens of sentences, %d of the whole in %q", len(d.Tokens), len(all), s)
	}
}

func TestParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		check(t, strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "Dr", ".", " ", "\n", "HPI", ":", "1", "高", "。", "-", "：", "é", "\r\n", "?", ")", "Plan", "\u3000"})).Draw(t, "parts"), ""))
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"HPI: a. B\n\n1. c", "。：\xff\xe3", "A.B. C", "：\n："} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := Clean(b, CleanOptions{Replace: true}); err == nil {
			check(t, s)
		}
		Parse(string(b))
	})
}
