package text

import (
	"strings"
	"unicode"
)

// Section is a part of a note under a header.
type Section struct {
	Name   string // what sort of section: one of those in the lexicon, or "other"
	Header Span   // without its colon
	Body   Span
}

// lexicon are the headers of clinical notes by what sort of section they begin: the usual American ones (as in the
// templates of the Joint Commission and of C-CDA) and the Chinese ones of the national standard for records.
var lexicon = func() map[string]string {
	out := map[string]string{}
	for name, headers := range map[string]string{
		"complaint":   "chief complaint|cc|reason for visit|reason for admission|reason for hospital admission|reason for consultation|presenting complaint|主诉",
		"present":     "history of present illness|hpi|present illness|interval history|subjective|现病史",
		"past":        "past medical history|pmh|pmhx|past history|medical history|past surgical history|psh|surgical history|history|既往史",
		"family":      "family history|fh|fhx|家族史",
		"social":      "social history|sh|shx|habits|个人史",
		"allergies":   "allergies|allergy|adverse reactions|drug allergies|过敏史",
		"medications": "medications|meds|current medications|home medications|medications on admission|discharge medications|medications on discharge|用药",
		"review":      "review of systems|ros|systems review",
		"exam":        "physical examination|physical exam|pe|exam|examination|objective|vital signs|vitals|heent|neck|chest|lungs|heart|cardiovascular|abdomen|extremities|neurologic|neurological|skin|general|体格检查|查体",
		"results":     "laboratory data|laboratory|labs|lab results|results|data|imaging|radiology|studies|findings|ekg|ecg|pathology|gross description|microscopic description|辅助检查",
		"course":      "hospital course|brief hospital course|ed course|emergency department course|course|clinical course|procedure|procedures|operation|诊疗经过",
		"diagnosis":   "assessment|impression|diagnosis|diagnoses|discharge diagnosis|final diagnosis|admission diagnosis|admitting diagnosis|preoperative diagnosis|pre-op diagnosis|postoperative diagnosis|principal diagnosis|assessment and plan|a/p|诊断|初步诊断|出院诊断",
		"plan":        "plan|recommendations|recommendation|disposition|follow-up|follow up|followup|discharge instructions|instructions|indication|indications|处理|治疗计划",
	} {
		for _, h := range strings.Split(headers, "|") {
			out[h] = name
		}
	}
	return out
}()

// Sections finds the headers of a note: at the start of a line, up to a colon, a known header or words in capitals;
// or a known header alone on its line. What stands before the first is in none.
func Sections(s string) []Section {
	var out []Section
	for at := 0; at < len(s); {
		end := strings.IndexByte(s[at:], '\n')
		if end < 0 {
			end = len(s) - at
		}
		line := s[at : at+end]
		if n := header(line); n > 0 {
			from, to := trim(s, at, at+n)
			sec := Section{Name: "other", Header: Span{from, to}}
			if name, known := lexicon[Fold(s[from:to])]; known {
				sec.Name = name
			}
			sec.Body.Start = min(at+n+colon(line[n:]), len(s))
			if k := len(out); k > 0 {
				out[k-1].Body.End = at
			}
			out = append(out, sec)
		}
		at += end + 1
	}
	if k := len(out); k > 0 {
		out[k-1].Body.End = len(s)
	}
	for k := range out {
		out[k].Body.Start, out[k].Body.End = trim(s, out[k].Body.Start, out[k].Body.End)
	}
	return out
}

// maxHeader bounds a header, in bytes.
const maxHeader = 60

// header is the length of the header that a line begins with, with the space before it and without its colon, or 0.
func header(line string) int {
	head := line[:min(len(line), maxHeader+8)]
	n := strings.IndexByte(head, ':')
	if wide := strings.Index(head, "："); wide >= 0 && (n < 0 || wide < n) {
		n = wide
	}
	if n > 0 {
		word := strings.TrimSpace(head[:n])
		if _, known := lexicon[Fold(word)]; known || capitals(word) {
			return n
		}
		return 0
	}
	if word := strings.TrimSpace(line); len(word) <= maxHeader && len(word) > 3 {
		if _, known := lexicon[Fold(word)]; known {
			return strings.Index(line, word) + len(word)
		}
	}
	return 0
}

// colon is the length of the colon that s begins with.
func colon(s string) int {
	if strings.HasPrefix(s, "：") {
		return len("：")
	}
	if strings.HasPrefix(s, ":") {
		return 1
	}
	return 0
}

// capitals says whether a word is written like a header: three or more letters, all of them capitals.
func capitals(word string) bool {
	n := 0
	for _, r := range word {
		switch {
		case unicode.IsUpper(r):
			n++
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return false
		}
	}
	return n >= 3
}
