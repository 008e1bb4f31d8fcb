package medcode

import (
	"strings"
	"testing"

	"galen.dev/fault"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		system     System
		text, want string
	}{
		{ICD10, "i214", "I21.4"},
		{ICD10, "I21", "I21"},
		{ICD10, " S72.001A ", "S72.001A"},
		{ICD10, "C7A.00", "C7A.00"},
		{ICD10, "G01*", "G01"},
		{ICD10, "J45.", "J45"},
		{ATC, "n02be01", "N02BE01"},
		{ATC, "C", "C"},
		{ATC, "C09A", "C09A"},
		{LOINC, "2345-7", "2345-7"},
		{LOINC, "718-7", "718-7"},
		{LOINC, "8867-4", "8867-4"},
		{SNOMED, "22298006", "22298006"},
		{SNOMED, "73211009", "73211009"},
		{RxNorm, "161", "161"},
		{NDC, "0002-3227-30", "00002322730"},
		{NDC, "50242-040-62", "50242004062"},
		{NDC, "50242004062", "50242004062"},
		{CVX, "08", "08"},
	} {
		if got, err := Parse(c.system, c.text); err != nil || got != c.want {
			t.Errorf("%s %q: %q, %v", c.system, c.text, got, err)
		}
	}
	for _, c := range []struct {
		system System
		text   string
	}{
		{ICD10, ""},
		{ICD10, "21.4"},
		{ICD10, "I2.14"},
		{ICD10, "IX1"},
		{ICD10, "I21.45678"},
		{ICD10, "I21-4"},
		{ATC, "X01"},
		{ATC, "N2"},
		{ATC, "N02BE1"},
		{ATC, ""},
		{LOINC, "2345-8"},
		{LOINC, "2345"},
		{LOINC, "23-45-7"},
		{SNOMED, "22298007"},
		{SNOMED, "22"},
		{RxNorm, "x"},
		{NDC, "0002322730"},
		{NDC, "1-2-3"},
		{CVX, "1234"},
	} {
		if got, err := Parse(c.system, c.text); fault.KindOf(err) != fault.Data {
			t.Errorf("%s %q was taken for %q (%v)", c.system, c.text, got, err)
		}
	}
	if _, err := Parse("X", "1"); fault.KindOf(err) != fault.Usage {
		t.Error(err)
	}
	if s, ok := SystemOf("http://loinc.org"); !ok || s != LOINC {
		t.Error(s, ok)
	}
}

// TestRollUp: the ends of blocks, nested blocks, chapters of codes with letters.
func TestRollUp(t *testing.T) {
	for _, c := range []struct {
		code, block string
		chapter     int
	}{
		{"I21.4", "I20-I25", 9}, {"A00", "A00-A09", 1}, {"A09", "A00-A09", 1}, {"C50.911", "C50", 2}, {"C7A.00", "C7A", 2}, {"D49", "D49", 2}, {"J18.9", "J09-J18", 10}, {"Z99", "Z77-Z99", 21}, {"U07.1", "U00-U49", 22}, {"O9A.1", "O94-O9A", 15}, {"E11.9", "E08-E13", 4},
	} {
		g, ok := Block(c.code)
		ch, ok2 := Chapter(c.code)
		if !ok || !ok2 || g.Range != c.block || ch.Chapter != c.chapter || ch.Title == "" || g.Title == "" {
			t.Errorf("%s is in %+v of %+v", c.code, g, ch)
		}
	}
	if _, ok := Block("A10"); ok {
		t.Error("A10 lies between blocks")
	}
	if len(icd10Groups()) < 300 {
		t.Error(len(icd10Groups()))
	}
	if ATCAt("N02BE01", 3) != "N02B" || ATCAt("N02", 4) != "" || ATCAt("N02", 9) != "" || ATCGroup("N02BE01") != "Nervous system" {
		t.Error("ATC")
	}
}

func TestNames(t *testing.T) {
	got, err := Names(strings.NewReader("\ufeff\"LOINC_NUM\",\"COMPONENT\",\"LONG_COMMON_NAME\"\n\"2345-7\",\"Glucose\",\"Glucose [Mass/volume] in Serum or Plasma\"\n"), "Loinc.csv", "", "")
	if err != nil || got["2345-7"] != "Glucose [Mass/volume] in Serum or Plasma" {
		t.Error(got, err)
	}
	if _, err := Names(strings.NewReader("a,b\n1,2\n"), "x.csv", "", ""); fault.KindOf(err) != fault.Data || !strings.Contains(fault.HintOf(err), "a, b") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("I21.4")
	f.Add("2345-7")
	f.Add("0002-3227-30")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range []System{ICD10, ATC, LOINC, RxNorm, SNOMED, NDC, CVX} {
			code, err := Parse(s, text)
			if err != nil {
				continue
			}
			if again, err := Parse(s, code); err != nil || again != code {
				t.Fatalf("%s %q became %q, and that %q (%v)", s, text, code, again, err)
			}
			Block(code)
			ATCAt(code, 3)
		}
	})
}
