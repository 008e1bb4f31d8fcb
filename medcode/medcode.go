// Package medcode reads the codes of medical vocabularies and rolls them up: ICD-10 to blocks and chapters, ATC to its
// levels. It checks the forms, and the check digits where a vocabulary has them, of LOINC, RxNorm, SNOMED CT and NDC.
// Subpackage ucum reads units of measure.
//
// Galen ships no vocabulary whose terms forbid it. The chapters and blocks of ICD-10-CM are a work of the United States
// government; the names of ATC's first level are fourteen words. Names of LOINC come from the user's own copy (Names).
//
// Start with System, then icd10.go and atc.go.
package medcode

import (
	"strings"

	"galen.dev/fault"
)

// System is a vocabulary.
type System string

// The vocabularies that are known by name.
const (
	ICD10  System = "ICD10"
	ATC    System = "ATC"
	LOINC  System = "LOINC"
	RxNorm System = "RxNorm"
	SNOMED System = "SNOMED"
	NDC    System = "NDC"
	CVX    System = "CVX"
)

// uris are the names that FHIR and others give to vocabularies, in lower case.
var uris = map[string]System{
	"http://hl7.org/fhir/sid/icd-10": ICD10, "http://hl7.org/fhir/sid/icd-10-cm": ICD10, "urn:oid:2.16.840.1.113883.6.90": ICD10, "urn:oid:2.16.840.1.113883.6.3": ICD10, "icd10": ICD10, "icd-10": ICD10, "icd10cm": ICD10, "icd-10-cm": ICD10,
	"http://www.whocc.no/atc": ATC, "urn:oid:2.16.840.1.113883.6.73": ATC, "atc": ATC, "http://loinc.org": LOINC, "urn:oid:2.16.840.1.113883.6.1": LOINC, "loinc": LOINC,
	"http://www.nlm.nih.gov/research/umls/rxnorm": RxNorm, "urn:oid:2.16.840.1.113883.6.88": RxNorm, "rxnorm": RxNorm, "http://snomed.info/sct": SNOMED, "urn:oid:2.16.840.1.113883.6.96": SNOMED, "snomed": SNOMED, "snomedct": SNOMED,
	"http://hl7.org/fhir/sid/ndc": NDC, "urn:oid:2.16.840.1.113883.6.69": NDC, "ndc": NDC, "http://hl7.org/fhir/sid/cvx": CVX, "cvx": CVX,
}

// SystemOf finds a vocabulary by its name, its FHIR address or its OID. ok is false for others, which are no error:
// hospitals have codes of their own.
func SystemOf(name string) (s System, ok bool) {
	s, ok = uris[strings.ToLower(strings.TrimSpace(name))]
	return s, ok
}

// Parse brings a code into its usual form and checks it as far as its form tells. Whether the code is in use, the form
// does not say. Errors are of kind fault.Data.
func Parse(s System, code string) (string, error) {
	text := strings.ToUpper(strings.TrimSpace(code))
	ok := false
	switch s {
	case ICD10:
		text, ok = parseICD10(text)
	case ATC:
		ok = len(text) <= 7 && atcLevel(text) > 0
	case LOINC:
		ok = loinc(text)
	case SNOMED:
		ok = len(text) >= 6 && len(text) <= 18 && digits(text) && text[0] != '0' && verhoeff(text)
	case RxNorm:
		ok = len(text) >= 1 && len(text) <= 8 && digits(text)
	case NDC:
		text, ok = ndc(text)
	case CVX:
		ok = len(text) >= 1 && len(text) <= 3 && digits(text)
	default:
		return "", fault.Errorf(fault.Usage, "no vocabulary is called %q", s)
	}
	if !ok {
		return "", fault.Errorf(fault.Data, "%q has not the form of a code of %s", code, s)
	}
	return text, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// loinc checks the form NNNNN-N and the check digit (modulus 10).
func loinc(s string) bool {
	body, check, ok := strings.Cut(s, "-")
	if !ok || !digits(body) || !digits(check) || len(check) != 1 || len(body) > 7 {
		return false
	}
	sum := 0
	for i := range len(body) {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
			d = d/10 + d%10
		}
		sum += d
	}
	return (10-sum%10)%10 == int(check[0]-'0')
}

// verhoeff checks the last digit of an identifier of SNOMED CT (Verhoeff 1969: products in the dihedral group of the
// pentagon).
func verhoeff(s string) bool {
	multiply := func(a, b int) int {
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return (a+b-5)%5 + 5
		case b < 5:
			return (a-5-b+5)%5 + 5
		}
		return (a - b + 5) % 5
	}
	permutation := [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	c := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		for range i % 8 {
			d = permutation[d]
		}
		c = multiply(c, d)
	}
	return c == 0
}

// ndc brings a National Drug Code to eleven digits, 5-4-2. Ten digits without hyphens may mean three codes, and are
// refused.
func ndc(s string) (string, bool) {
	parts := strings.Split(s, "-")
	if len(parts) == 1 {
		return s, len(s) == 11 && digits(s)
	}
	if len(parts) != 3 {
		return s, false
	}
	total, out := 0, ""
	for i, width := range [3]int{5, 4, 2} {
		n := len(parts[i])
		if !digits(parts[i]) || n > width || n < width-1 {
			return s, false
		}
		total += n
		out += strings.Repeat("0", width-n) + parts[i]
	}
	return out, total >= 10
}
