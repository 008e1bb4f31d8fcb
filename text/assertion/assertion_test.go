package assertion

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/text"
)

// finding marks a phrase in a sentence.
func finding(t testing.TB, sentence, phrase string) Finding {
	t.Helper()
	f, ok := Locate(sentence, phrase)
	if !ok {
		t.Fatalf("%q is not in %q", phrase, sentence)
	}
	return f
}

func TestRules(t *testing.T) {
	for _, c := range []struct{ sentence, phrase, want string }{
		{"No fever or chills.", "chills", "negated recent patient"},
		{"He denies chest pain but reports dyspnea.", "chest pain", "negated recent patient"},
		{"He denies chest pain but reports dyspnea.", "dyspnea", "affirmed recent patient"},
		{"Pneumonia was ruled out.", "Pneumonia", "negated recent patient"},
		{"Rule out myocardial infarction.", "myocardial infarction", "possible recent patient"},
		{"No increase in effusion.", "effusion", "affirmed recent patient"},
		{"History of asthma.", "asthma", "affirmed historical patient"},
		{"History of present illness: cough.", "cough", "affirmed recent patient"},
		{"Mother had breast cancer.", "breast cancer", "affirmed recent other"},
		{"Return if fever develops.", "fever", "affirmed hypothetical patient"},
		{"Pneumonia cannot be excluded.", "Pneumonia", "possible recent patient"},
		{"患者否认高血压", "高血压", "negated recent patient"},
		{"母亲患糖尿病", "糖尿病", "affirmed recent other"},
	} {
		f := finding(t, c.sentence, c.phrase)
		a, because := Default.Assess(&f)
		if got := a.Presence + " " + a.Temporality + " " + a.Experiencer; got != c.want {
			t.Errorf("%q in %q: %s, want %s", c.phrase, c.sentence, got, c.want)
		}
		if (a != Plain) != (len(because) > 0) {
			t.Errorf("%q: the verdict %v has the reasons %v", c.sentence, a, because)
		}
	}
	f := finding(t, "asthma", "asthma")
	if f.Section = "family"; f.Section != "" {
		if a, _ := Default.Assess(&f); a.Experiencer != Other {
			t.Error("a family history is the patient's")
		}
	}
}

func TestReadRules(t *testing.T) {
	for in, want := range map[string]string{
		"a,b\n": "the columns must be",
		"phrase,category,direction,source\nno,negated,sideways,x\n":                      ":2: the direction is none of",
		"phrase,category,direction,source\nno,,forward,x\n":                              "does not go with",
		"phrase,category,direction,source\nno,negated,forward,\n":                        "names no source",
		"phrase,category,direction,source\n ,negated,forward,x\n":                        "no words",
		"phrase,category,direction,source\nno,negated,forward,x\nNO,negated,forward,y\n": ":3: the trigger stands twice",
		"phrase,category,direction,source\nno,negated,forward\n":                         "four cells",
		"phrase,category,direction,source\n\"no,negated,forward,x\n":                     "no row of CSV",
	} {
		if _, err := ReadRules(t.Context(), strings.NewReader(in), "t.csv"); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestModelIsKept(t *testing.T) {
	var examples []Example
	for k := range 120 {
		e := Example{finding(t, fmt.Sprintf("There is zorb fever %d.", k), "fever"), Plain}
		if k%2 == 0 {
			e = Example{finding(t, fmt.Sprintf("There is quux fever %d.", k), "fever"), Plain}
			e.Presence = Negated
		}
		examples = append(examples, e)
	}
	m, err := Train(t.Context(), Default, examples, Params{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	again := new(Model)
	if err := json.Unmarshal(b, again); err != nil {
		t.Fatal(err)
	}
	if err := again.Open(Default); err != nil {
		t.Fatal(err)
	}
	f := finding(t, "There is quux fever again.", "fever")
	if a := again.Assess(&f); a.Presence != Negated || a.Confidence[0] < .9 || a.Confidence[2] != 1 {
		t.Errorf("%+v", a)
	}
	again.Heads[0].Values = again.Heads[0].Values[:1]
	if err := again.Open(Default); fault.KindOf(err) != fault.Corrupt {
		t.Error(err)
	}
}

func FuzzReadRules(f *testing.F) {
	f.Add([]byte(shipped[:400]), "no fever")
	f.Fuzz(func(t *testing.T, b []byte, s string) {
		r, err := ReadRules(t.Context(), bytes.NewReader(b), "t.csv")
		if err != nil {
			return
		}
		tokens := text.Tokens(s)
		for k := range tokens {
			r.Assess(&Finding{Text: s, Tokens: tokens, From: k, To: k + 1})
		}
	})
}
