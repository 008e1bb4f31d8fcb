package event

import (
	"encoding/json"
	"math"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/medcode"
)

// preferred are the vocabularies that are taken where an element has several.
var preferred = []medcode.System{medcode.LOINC, medcode.ICD10, medcode.ATC, medcode.RxNorm, medcode.SNOMED, medcode.NDC, medcode.CVX}

// choose picks one coding: of the vocabularies that Galen knows the first in the order above, or else the first coding.
func (f *fhirReader) choose(c *fhirConcept, element string) (string, bool) {
	if c == nil {
		f.log.leave(f.doc.Type+" without a code", 1)
		return "", false
	}
	best, rank := -1, len(preferred)+1
	for i, k := range c.Coding {
		if k.Code == "" {
			continue
		}
		r := len(preferred)
		if s, ok := medcode.SystemOf(k.System); ok {
			r = slices.Index(preferred, s)
		}
		if r < rank {
			best, rank = i, r
		}
	}
	if best < 0 {
		f.log.leave("elements that have words and no code", 1)
		return "", false
	}
	k := c.Coding[best]
	name := k.Code
	if k.System != "" {
		var good bool
		if name, good = normal(k.System + "|" + k.Code); !good {
			f.log.path("code-form", fault.Warning, f.file, strings.TrimPrefix(f.path+"."+element, "."), "the code has not the form that its vocabulary has", "it is taken as it is")
		}
	}
	if len(name) > maxName {
		f.find("fhir-value", element, "the code is too long")
		return "", false
	}
	if k.Display != "" && len(k.Display) <= 300 && len(f.report.Names) < maxCodes {
		if _, ok := f.report.Names[name]; !ok {
			f.report.Names[name] = k.Display
		}
	}
	return name, true
}

// concept makes an event of a code. The prefix keeps what a code says of, say, a reason from what it says of a diagnosis.
func (f *fhirReader) concept(c *fhirConcept, at int64, prefix, element string) {
	if name, ok := f.choose(c, element); ok {
		f.put(recordEvent, Event{At: at, Code: f.coded(prefix + name), Value: math.NaN(), Row: int64(f.row)})
	}
}

// coded numbers a code that is in its usual form already.
func (f *fhirReader) coded(name string) int32 { return f.words.Code(name) }

func is(c *fhirConcept, codes ...string) bool {
	return c != nil && slices.ContainsFunc(c.Coding, func(k fhirCoding) bool { return slices.Contains(codes, k.Code) })
}

func (f *fhirReader) prescription(r *fhirResource) {
	e := Event{Value: math.NaN(), Row: int64(f.row)}
	times := []string{"authoredOn"}
	if r.Type == "MedicationAdministration" {
		times = []string{"effectiveDateTime", "effectivePeriod"}
		if r.EffectiveDateTime == "" && r.EffectivePeriod == nil {
			f.find("fhir-required", "effective", "the time of the administration is not there")
			return
		}
	} else if r.Intent == "" {
		f.find("fhir-required", "intent", "the intent is not there")
		return
	}
	if r.DoNotPerform {
		f.log.leave("MedicationRequest not to give it", 1)
		return
	}
	var ok bool
	if e.At, ok = f.firstTime(r, times...); !ok {
		return
	}
	switch {
	case r.Medication != nil:
		name, ok := f.choose(r.Medication, "medicationCodeableConcept")
		if !ok {
			return
		}
		e.Code = f.coded(name)
	case r.MedicationRef != nil:
		if e.Code, ok = f.medicationRef(r); !ok {
			return
		}
	default:
		f.find("fhir-required", "medication", "the medication is not there")
		return
	}
	if e.Code < 0 {
		f.put(recordEvent, e) // its code is not known yet, so no dose is compared
		return
	}
	if d := r.dosage.Dosage; d != nil && d.Dose != nil {
		f.quantity(&e, d.Dose, "dosage.dose")
	}
	f.put(recordEvent, e)
}

// medicationRef is the code of a contained medication, or -1 minus the number of one elsewhere.
func (f *fhirReader) medicationRef(r *fhirResource) (int32, bool) {
	ref, ok := parseReference(r.MedicationRef.Reference)
	if !ok {
		f.log.leave("medications that are named by words alone", 1)
		return 0, false
	}
	if ref.in {
		for _, text := range r.Contained {
			var m fhirResource
			if json.Unmarshal(text, &m) == nil && m.ID == ref.key && m.Type == "Medication" {
				if name, ok := f.choose(m.Code, "contained.code"); ok {
					return f.coded(name), true
				}
				return 0, false
			}
		}
		f.find("fhir-not-found", "medicationReference", "the resource does not contain what it refers to")
		return 0, false
	}
	n, ok := f.medKey[ref.key]
	if !ok {
		if len(f.meds) >= maxCodes {
			f.find("fhir-structure", "medicationReference", "there are more than 1048576 medications")
			return 0, false
		}
		n = int32(len(f.meds))
		f.medKey[ref.key] = n
		f.meds = append(f.meds, medication{code: -1, file: f.file, where: f.path + ".medicationReference"})
	}
	return -1 - n, true
}

func (f *fhirReader) medicine(r *fhirResource, key string) {
	name, ok := f.choose(r.Code, "code")
	if !ok || key == "" {
		return
	}
	n, ok := f.medKey[key]
	if !ok {
		if len(f.meds) >= maxCodes {
			return
		}
		n = int32(len(f.meds))
		f.medKey[key] = n
		f.meds = append(f.meds, medication{})
	}
	f.meds[n].code = f.coded(name)
}

// unresolved reports patients that a bundle promises by urn, and medications that are not there.
func (f *fhirReader) unresolved() {
	for _, m := range f.meds {
		if m.code < 0 {
			f.log.path("fhir-not-found", fault.Severe, m.file, m.where, "the medication that is referred to is not there", "export Medication too, or allow fhir-not-found to leave out what refers to it")
		}
	}
}
