package event

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
)

// TestFHIRExamples reads public examples of FHIR R4, one file at a time, and finds the events that another implementation
// finds (testdata/fhir_vectors.py). GALEN_FHIR names a folder of more, with answer.txt beside them.
func TestFHIRExamples(t *testing.T) {
	folder, answer := "testdata/fhir", "answer.json"
	if more := os.Getenv("GALEN_FHIR"); more != "" {
		folder, answer = more, "answer.txt"
	}
	text, err := os.ReadFile(filepath.Join(folder, answer))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][][3]any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	type fact struct {
		at    int64
		code  string
		value float64
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(want)) {
		stays, words, _, err := gathered(t, filepath.Join(folder, name), Options{Patients: true, Allow: []string{"duplicate-event", "fhir-not-found", "fhir-duplicate"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := map[fact]bool{}
		for _, s := range stays {
			for _, e := range s.Events {
				if math.IsNaN(e.Value) {
					e.Value = -12345
				}
				got[fact{e.At, words.Codes[e.Code], e.Value}] = true
			}
		}
		expect := map[fact]bool{}
		for _, w := range want[name] {
			f := fact{NoTime, w[1].(string), -12345}
			if at, ok := w[0].(float64); ok {
				f.at = int64(at)
			}
			if v, ok := w[2].(float64); ok {
				f.value = v
			}
			expect[f] = true
		}
		if !maps.Equal(got, expect) {
			t.Errorf("%s: got %v, want %v", name, got, expect)
		}
		total += len(expect)
	}
	if total < 25 {
		t.Errorf("only %d events were compared", total)
	}
}

// ward is a transaction as Synthea writes them: everything by urn, the patient first, its encounters, then the rest.
func ward(patients int) string {
	var entries []string
	put := func(id, resource string) {
		entries = append(entries, fmt.Sprintf(`{"fullUrl":"urn:uuid:%s","resource":%s,"request":{"method":"POST","url":"x"}}`, id, resource))
	}
	for p := range patients {
		who := fmt.Sprintf(`"subject":{"reference":"urn:uuid:p%d"}`, p)
		put(fmt.Sprintf("p%d", p), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","gender":"female","birthDate":"1950-03-0%d","name":[{"family":"Kanari"}]}`, p, p%9+1))
		for v := range 2 {
			visit := fmt.Sprintf(`%s,"encounter":{"reference":"urn:uuid:p%d-v%d"}`, who, p, v)
			put(fmt.Sprintf("p%d-v%d", p, v), fmt.Sprintf(`{"resourceType":"Encounter","status":"finished","class":{"code":"IMP"},%s,"period":{"start":"2020-0%d-01T08:00:00+01:00","end":"2020-0%d-04T08:00:00+01:00"},"reasonCode":[{"coding":[{"system":"http://snomed.info/sct","code":"22298006","display":"Infarction"}]}]}`, who, v+1, v+1))
			put(fmt.Sprintf("p%d-c%d", p, v), fmt.Sprintf(`{"resourceType":"Condition",%s,"code":{"coding":[{"system":"http://snomed.info/sct","code":"22298006"},{"system":"http://hl7.org/fhir/sid/icd-10","code":"I214"}]},"onsetDateTime":"2020-0%d-01T09:00:00+01:00"}`, visit, v+1))
			for h := range 5 {
				put(fmt.Sprintf("p%d-o%d-%d", p, v, h), fmt.Sprintf(`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}]},%s,"effectiveDateTime":"2020-0%d-02T0%d:00:00+01:00","valueQuantity":{"value":%d,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}}`, visit, v+1, h, 70+h))
			}
			put(fmt.Sprintf("p%d-m%d", p, v), fmt.Sprintf(`{"resourceType":"MedicationRequest","status":"active","intent":"order",%s,"medicationReference":{"reference":"urn:uuid:med"},"authoredOn":"2020-0%d-02T00:00:00+01:00"}`, who, v+1))
		}
	}
	put("med", `{"resourceType":"Medication","code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"1191","display":"Aspirin"}]}}`)
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",\n") + `]}`
}

// TestFHIRStays: stays are encounters, references by urn are resolved, and a bundle, its resources as NDJSON and as a zip
// give the same set.
func TestFHIRStays(t *testing.T) {
	text := ward(3)
	dir := folder(t, map[string]string{"b.json": text})
	stays, words, report, err := gathered(t, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := "p0/p0-v0 : - gender//female=NaN; -173904 MEDS_BIRTH=NaN; 438295 class//IMP=NaN; 438295 reason//SNOMED/22298006=NaN; 438296 ICD10/I21.4=NaN; 438311 LOINC/8867-4=70/min; 438311 RxNorm/1191=NaN; 438312 LOINC/8867-4=71/min; 438313 LOINC/8867-4=72/min; 438314 LOINC/8867-4=73/min; 438315 LOINC/8867-4=74/min;"
	if len(stays) != 6 || told(stays[0], words) != want || report.Patients != 3 || report.Names["LOINC/8867-4"] != "Heart rate" || report.Names["RxNorm/1191"] != "Aspirin" || report.Clock != "utc" || len(report.LeftOut) > 0 {
		t.Errorf("%d stays, %+v\n%s\n%s", len(stays), report, told(stays[0], words), want)
	}
	if stays[0].Start != 438295*Hour || stays[0].End != 438367*Hour {
		t.Error(stays[0].Start/Hour, stays[0].End/Hour)
	}
	var bundle struct {
		Entry []struct {
			FullURL  string
			Resource map[string]any
		}
	}
	if err := json.Unmarshal([]byte(text), &bundle); err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for _, e := range bundle.Entry {
		e.Resource["id"] = strings.TrimPrefix(e.FullURL, "urn:uuid:")
		line, _ := json.Marshal(e.Resource)
		text := string(line)
		for urn, kind := range map[string]string{`"urn:uuid:med"`: "Medication/med", `"urn:uuid:p`: ""} {
			if kind != "" {
				text = strings.ReplaceAll(text, urn, `"http://host/fhir/`+kind+`"`)
			}
		}
		text = regexp.MustCompile(`urn:uuid:(p\d+-v\d)`).ReplaceAllString(text, "Encounter/$1")
		text = regexp.MustCompile(`urn:uuid:(p\d+)`).ReplaceAllString(text, "Patient/$1/_history/3")
		lines[e.Resource["resourceType"].(string)+".ndjson"] += text + "\n"
	}
	lines["readme.txt"] = "x"
	ndjson := folder(t, lines)
	archive := filepath.Join(t.TempDir(), "x.zip")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range lines {
		w, _ := z.Create("export/" + name)
		_, _ = io.WriteString(w, text)
	}
	_ = z.Close()
	if err := os.WriteFile(archive, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{ndjson, archive} {
		other, words2, report2, err := gathered(t, source, Options{})
		if err != nil || len(other) != len(stays) || count(report2.LeftOut, "no JSON") != 1 {
			t.Fatal(err, len(other), report2.LeftOut)
		}
		for i := range other {
			a, b := strings.Split(told(other[i], words2), "; "), strings.Split(told(stays[i], words), "; ")
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Errorf("%s\nand\n%s", told(other[i], words2), told(stays[i], words))
			}
		}
	}
	whole, words, _, err := gathered(t, dir, Options{Patients: true})
	if err != nil || len(whole) != 3 || strings.Count(told(whole[0], words), "LOINC") != 10 {
		t.Error(err, len(whole))
	}
}

// TestFHIRWrong: broken resources are refused with severity, name and path, all at once, and without what they hold.
func TestFHIRWrong(t *testing.T) {
	text := `{"resourceType":"Bundle","type":"collection","link":[{"relation":"next","url":"x"}],"entry":[
	{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"1","gender":"Secret","birthDate":"1950-13-01"}},
	{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"1"}},
	{"resource":{"resourceType":"Observation","status":"done","code":{},"subject":{"reference":"urn:uuid:1"}}},
	{"resource":{"resourceType":"Observation","code":{},"subject":{"reference":"urn:uuid:1"}}},
	{"resource":{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"x"}]},"subject":{"reference":"urn:uuid:2"},"effectiveDateTime":"2020-01-01T10:00:00Z","valueQuantity":{"value":"77secret"}}},
	{"resource":{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"x"}]},"subject":{"reference":"urn:uuid:2"},"effectiveDateTime":"2020-01-01T10:00:00","valueInteger":3}},
	{"resource":{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"x"}]},"subject":{"reference":"urn:uuid:2"},"effectiveDateTime":"2020-01-01","component":[{"valueInteger":3},{"code":{"coding":[{"code":"y"}]},"valueQuantity":{"value":1,"comparator":"~"}},{"code":{"coding":[{"code":"z"}]},"valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"blorps"}}]}},
	{"resource":{"resourceType":"Condition","code":{"coding":[{"code":"x"}]}}},
	{"resource":{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"},"authoredOn":"2020-01-01","medicationReference":{"reference":"Medication/none"}}},
	{"resource":{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"},"authoredOn":"2020-01-01"}},
	{"resource":{"resourceType":"Procedure","status":"completed","subject":{"reference":"Patient?name=Secret"}}},
	{"resource":{"resourceType":"Encounter","status":"finished","class":{"code":"IMP"},"subject":{"reference":"Patient/1"},"period":{"start":"2020-01-02","end":"2020-01-01"}}},
	{"resource":{"resourceType":"Observation","status":"entered-in-error","subject":{"reference":"Patient/1"}}},
	{"resource":{"resourceType":"Practitioner"}},
	{"resource":{"id":"secret"}},
	{"resource":{"resourceType":"Procedure","status":[]}}
	]}`
	_, _, report, err := gathered(t, folder(t, map[string]string{"x.json": text}), Options{})
	if fault.KindOf(err) != fault.Data || strings.Contains(strings.ToLower(err.Error()), "secret") || strings.Contains(err.Error(), "1950") {
		t.Fatal(err)
	}
	type place struct{ name, at string }
	found := map[place]bool{}
	for _, f := range append(fault.FindingsOf(err), report.Findings...) {
		found[place{f.Name, f.Column}] = true
	}
	for _, p := range []place{
		{"fhir-incomplete", "Bundle.link"},
		{"fhir-code-invalid", "Bundle.entry[0].resource.gender"},
		{"fhir-value", "Bundle.entry[0].resource.birthDate"},
		{"fhir-duplicate", "Bundle.entry[1].resource"},
		{"fhir-code-invalid", "Bundle.entry[2].resource.status"},
		{"fhir-required", "Bundle.entry[3].resource.status"},
		{"fhir-value", "Bundle.entry[4].resource.valueQuantity.value"},
		{"fhir-value", "Bundle.entry[5].resource.effectiveDateTime"},
		{"fhir-required", "Bundle.entry[6].resource.component[0].code"},
		{"fhir-code-invalid", "Bundle.entry[6].resource.component[1].valueQuantity.comparator"},
		{"unit-unknown", "Bundle.entry[6].resource.component[2].valueQuantity"},
		{"fhir-required", "Bundle.entry[7].resource.subject"},
		{"fhir-not-found", "Bundle.entry[8].resource.medicationReference"},
		{"fhir-required", "Bundle.entry[9].resource.medication"},
		{"fhir-value", "Bundle.entry[10].resource.subject.reference"},
		{"fhir-value", "Bundle.entry[11].resource.period"},
		{"fhir-structure", "Bundle.entry[14].resource.resourceType"},
		{"fhir-structure", "Bundle.entry[15].resource.status"},
		{"fhir-not-found", ""},
		{"fhir-duplicate", ""},
	} {
		if !found[p] {
			t.Errorf("no finding %v in %v", p, err)
		}
	}
	if count(report.LeftOut, "Observation with status entered-in-error") != 1 || count(report.LeftOut, "type Practitioner") != 1 {
		t.Error(report.LeftOut)
	}
	for text, at := range map[string]string{
		`{"resourceType":"Patient","id":"1"`: "", `[]`: "", `{"resourceType":"Bundle","type":"x","entry":{}}`: "Bundle.entry", `{"resourceType":"Bundle","type":"history"}`: "Bundle.type", `{"resourceType":"Bundle"}`: "Bundle.type", `{"a":1}`: "Resource.resourceType",
		`{"resourceType":"Patient","extension":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`: "Patient", `{"resourceType":"Patient","id":"` + strings.Repeat("x", maxResource) + `"}`: "",
	} {
		_, _, _, err := gathered(t, filepath.Join(folder(t, map[string]string{"x.json": text}), "x.json"), Options{Form: FormFHIR})
		if list := fault.FindingsOf(err); len(list) != 1 || list[0].Column != at {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

func FuzzFHIR(f *testing.F) {
	f.Add([]byte(ward(1)))
	names, _ := filepath.Glob("testdata/fhir/[BEOMPAC]*.json")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, opt := range []Options{{Allow: Allowed}, {Patients: true}} {
			checkRead(t, opt, func(in *input) error {
				f := newFHIR(in)
				if err := f.document(bytes.NewReader(data)); err != nil {
					return err
				}
				return f.all()
			})
		}
	})
}
