package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/medcode"
)

// fhirResource has the elements of all resources that are read, of which no two differ in type.
type fhirResource struct {
	Type      string            `json:"resourceType"`
	ID        string            `json:"id"`
	Status    string            `json:"status"`
	Contained []json.RawMessage `json:"contained"`

	Subject   *fhirReference `json:"subject"`
	Patient   *fhirReference `json:"patient"` // of AllergyIntolerance
	Encounter *fhirReference `json:"encounter"`
	Context   *fhirReference `json:"context"` // the encounter, of MedicationAdministration

	Code               *fhirConcept   `json:"code"`
	VerificationStatus *fhirConcept   `json:"verificationStatus"`
	Medication         *fhirConcept   `json:"medicationCodeableConcept"`
	MedicationRef      *fhirReference `json:"medicationReference"`
	Intent             string         `json:"intent"`
	DoNotPerform       bool           `json:"doNotPerform"`

	// Patient
	Gender           string `json:"gender"`
	BirthDate        string `json:"birthDate"`
	DeceasedBoolean  *bool  `json:"deceasedBoolean"`
	DeceasedDateTime string `json:"deceasedDateTime"`

	Meta struct {
		Version string `json:"versionId"`
	} `json:"meta"`

	// Times
	EffectiveDateTime string      `json:"effectiveDateTime"`
	EffectivePeriod   *fhirPeriod `json:"effectivePeriod"`
	EffectiveInstant  string      `json:"effectiveInstant"`
	EffectiveTiming   *fhirTiming `json:"effectiveTiming"`
	Issued            string      `json:"issued"`
	AuthoredOn        string      `json:"authoredOn"`
	PerformedDateTime string      `json:"performedDateTime"`
	PerformedPeriod   *fhirPeriod `json:"performedPeriod"`
	RecordedDate      string      `json:"recordedDate"`
	OnsetDateTime     string      `json:"onsetDateTime"`
	OnsetPeriod       *fhirPeriod `json:"onsetPeriod"`

	fhirValue
	Component []struct {
		Code *fhirConcept `json:"code"`
		fhirValue
	} `json:"component"`

	visit  fhirEncounter // of Encounter
	dosage fhirDosage    // of MedicationAdministration
}

// fhirEncounter has elements of an encounter that other resources have in another type.
type fhirEncounter struct {
	Class      *fhirCoding    `json:"class"`
	Type       []fhirConcept  `json:"type"`
	ReasonCode []fhirConcept  `json:"reasonCode"`
	Period     *fhirPeriod    `json:"period"`
	PartOf     *fhirReference `json:"partOf"`
}

type fhirDosage struct {
	Dosage *struct {
		Dose *fhirQuantity `json:"dose"`
	} `json:"dosage"`
}

type fhirReference struct {
	Reference string `json:"reference"`
}

type fhirCoding struct {
	System  string `json:"system"`
	Code    string `json:"code"`
	Display string `json:"display"`
}

type fhirConcept struct {
	Coding []fhirCoding `json:"coding"`
}

type fhirPeriod struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

type fhirTiming struct {
	Event []string `json:"event"`
}

type fhirQuantity struct {
	Value      json.RawMessage `json:"value"`
	Comparator string          `json:"comparator"`
	Unit       string          `json:"unit"`
	System     string          `json:"system"`
	Code       string          `json:"code"`
}

type fhirRatio struct {
	Numerator   *fhirQuantity `json:"numerator"`
	Denominator *fhirQuantity `json:"denominator"`
}

// fhirValue is value[x] of an observation or a component of one.
type fhirValue struct {
	Quantity *fhirQuantity   `json:"valueQuantity"`
	Concept  *fhirConcept    `json:"valueCodeableConcept"`
	Boolean  *bool           `json:"valueBoolean"`
	Integer  json.RawMessage `json:"valueInteger"`
	Ratio    *fhirRatio      `json:"valueRatio"`
	String   *string         `json:"valueString"`
	Range    json.RawMessage `json:"valueRange"`
	Sampled  json.RawMessage `json:"valueSampledData"`
	Time     json.RawMessage `json:"valueTime"`
	DateTime json.RawMessage `json:"valueDateTime"`
	Period   json.RawMessage `json:"valuePeriod"`
	Absent   *fhirConcept    `json:"dataAbsentReason"`
}

// fhirStatus has the statuses of FHIR R4, first those by which nothing happened.
var fhirStatus = map[string]struct{ not, yes []string }{
	"Observation":              {[]string{"entered-in-error", "cancelled"}, []string{"registered", "preliminary", "final", "amended", "corrected", "unknown"}},
	"Encounter":                {[]string{"entered-in-error", "cancelled", "planned"}, []string{"arrived", "triaged", "in-progress", "onleave", "finished", "unknown"}},
	"MedicationRequest":        {[]string{"entered-in-error", "cancelled", "draft"}, []string{"active", "on-hold", "completed", "stopped", "unknown"}},
	"MedicationAdministration": {[]string{"entered-in-error", "not-done"}, []string{"in-progress", "on-hold", "completed", "stopped", "unknown"}},
	"Procedure":                {[]string{"entered-in-error", "not-done", "preparation"}, []string{"in-progress", "on-hold", "stopped", "completed", "unknown"}},
}

// resource reads one resource.
func (f *fhirReader) resource(text []byte, fullURL string) error {
	kind, deep := scan(text)
	if deep {
		f.find("fhir-structure", "", "the resource is nested too deeply")
		return nil
	}
	switch kind {
	case "Bundle": // in the answer to a batch
		in := &bounded{r: bytes.NewReader(text)}
		in.mark()
		_, err := f.root(json.NewDecoder(in), in, f.path)
		return err
	case "Patient", "Encounter", "Condition", "Observation", "MedicationRequest", "MedicationAdministration", "Procedure", "AllergyIntolerance", "Medication":
	case "":
		f.find("fhir-structure", "resourceType", "the resource has no type")
		return nil
	default:
		if !plainType(kind) {
			f.find("fhir-structure", "resourceType", "the resource is of no type of FHIR")
			return nil
		}
		f.log.leave("resources of type "+kind, 1)
		return nil
	}
	f.doc = fhirResource{}
	r := &f.doc
	if err := f.decode(text, r, kind); err != nil {
		f.wrongType(err)
		return nil
	}
	r.Type = kind
	if f.ids != nil && fullURL != "" {
		address := fullURL + " " + r.Meta.Version
		if f.ids[address] {
			f.find("fhir-duplicate", "", "two entries have the same address and version")
		}
		if len(f.ids) < maxCodes {
			f.ids[address] = true
		}
	}
	if s, ok := fhirStatus[r.Type]; ok {
		switch {
		case r.Status == "":
			f.find("fhir-required", "status", "the status is not there")
			return nil
		case slices.Contains(s.not, r.Status):
			f.log.leave(r.Type+" with status "+r.Status, 1)
			return nil
		case !slices.Contains(s.yes, r.Status):
			f.find("fhir-code-invalid", "status", "the status is none of FHIR R4's")
			return nil
		}
	}
	key := keyOf(fullURL, r.ID)
	if len(key) > maxName {
		f.find("fhir-value", "id", "the id or the address is too long")
		return nil
	}
	f.start()
	return f.take(r, key)
}

// decode reads what all resources share, and what only this type has.
func (f *fhirReader) decode(text []byte, r *fhirResource, kind string) error {
	err := json.Unmarshal(text, r)
	switch {
	case err != nil:
	case kind == "Encounter":
		err = json.Unmarshal(text, &r.visit)
	case kind == "MedicationAdministration":
		err = json.Unmarshal(text, &r.dosage)
	}
	return err
}

func (f *fhirReader) take(r *fhirResource, key string) error {
	switch r.Type {
	case "Medication":
		f.medicine(r, key)
		return nil
	case "Patient":
		return f.takePatient(r, key)
	case "Encounter":
		return f.takeEncounter(r, key)
	}
	if r.Type == "AllergyIntolerance" {
		r.Subject = r.Patient
	}
	if !f.subject(r) {
		return nil
	}
	if r.Context != nil && r.Encounter == nil {
		r.Encounter = r.Context
	}
	switch r.Type {
	case "Condition":
		f.condition(r)
	case "Observation":
		f.observation(r)
	case "MedicationRequest", "MedicationAdministration":
		f.prescription(r)
	case "Procedure":
		f.procedure(r)
	case "AllergyIntolerance":
		f.allergy(r)
	}
	return f.flush(f.encounterKey(r.Encounter))
}

func (f *fhirReader) takePatient(r *fhirResource, key string) error {
	if key == "" {
		f.find("fhir-required", "id", "the patient has neither an id nor an address, so that nothing can refer to it")
		return nil
	}
	f.key = append(f.key[:0], key...)
	f.put(recordPatient, Event{})
	switch r.Gender {
	case "male", "female", "other", "unknown":
		f.put(recordEvent, Event{At: NoTime, Code: f.coded("gender//" + r.Gender), Value: math.NaN()})
	case "":
	default:
		f.find("fhir-code-invalid", "gender", "the gender is none of FHIR's codes")
	}
	if at, ok := f.when(r.BirthDate, "birthDate"); ok {
		f.put(recordEvent, Event{At: at, Code: f.coded(Birth), Value: math.NaN()})
	}
	switch at, ok := f.when(r.DeceasedDateTime, "deceasedDateTime"); {
	case ok:
		f.put(recordEvent, Event{At: at, Code: f.coded(Death), Value: math.NaN()})
	case r.DeceasedBoolean != nil && *r.DeceasedBoolean:
		f.put(recordFact, Event{Code: f.coded(Death), Value: 1})
	}
	return f.flush("")
}

func (f *fhirReader) takeEncounter(r *fhirResource, key string) error {
	if r.visit.Class == nil || r.visit.Class.Code == "" {
		f.find("fhir-required", "class", "the class of the encounter is not there")
	}
	if !f.subject(r) {
		return nil
	}
	stay := Event{At: NoTime, Row: NoTime}
	if r.visit.Period != nil {
		if at, ok := f.when(r.visit.Period.Start, "period.start"); ok {
			stay.At = at
		}
		if at, ok := f.whenEnd(r.visit.Period.End, "period.end"); ok {
			stay.Row = at
		}
	}
	if stay.At != NoTime && stay.Row != NoTime && stay.Row < stay.At {
		f.find("fhir-value", "period", "the period ends before it begins")
	}
	f.put(recordEncounter, stay)
	if r.visit.PartOf != nil {
		if parent := f.encounterKey(r.visit.PartOf); parent != "" {
			f.put(recordParent, Event{})
			f.text(parent)
		}
	}
	if stay.At == NoTime {
		f.log.leave("codes of encounters without a beginning", 1)
		return f.flush(key)
	}
	// The class of a part is that of the whole; its other codes may differ.
	if r.visit.PartOf == nil && r.visit.Class != nil && r.visit.Class.Code != "" {
		f.put(recordEvent, Event{At: stay.At, Code: f.coded("class//" + r.visit.Class.Code), Value: math.NaN(), Row: int64(f.row)})
	}
	for i := range r.visit.Type {
		f.concept(&r.visit.Type[i], stay.At, "type//", "type")
	}
	for i := range r.visit.ReasonCode {
		f.concept(&r.visit.ReasonCode[i], stay.At, "reason//", "reasonCode")
	}
	return f.flush(key)
}

func (f *fhirReader) condition(r *fhirResource) {
	if is(r.VerificationStatus, "entered-in-error", "refuted") {
		f.log.leave("Condition that was entered in error or refuted", 1)
		return
	}
	// When it was known comes before when it began: a model must not know it earlier.
	if at, ok := f.firstTime(r, "recordedDate", "onsetDateTime", "onsetPeriod"); ok {
		f.concept(r.Code, at, "", "code")
	}
}

func (f *fhirReader) procedure(r *fhirResource) {
	if at, ok := f.firstTime(r, "performedDateTime", "performedPeriod"); ok {
		f.concept(r.Code, at, "", "code")
	}
}

func (f *fhirReader) allergy(r *fhirResource) {
	if is(r.VerificationStatus, "entered-in-error", "refuted") {
		f.log.leave("AllergyIntolerance that was entered in error or refuted", 1)
		return
	}
	at := int64(NoTime) // an allergy without a time is known from the start
	if r.RecordedDate != "" || r.OnsetDateTime != "" {
		var ok bool
		if at, ok = f.firstTime(r, "recordedDate", "onsetDateTime"); !ok {
			return
		}
	}
	f.concept(r.Code, at, "allergy//", "code")
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

func (f *fhirReader) encounterKey(r *fhirReference) string {
	if r == nil {
		return ""
	}
	ref, ok := parseReference(r.Reference)
	if !ok || ref.in || ref.kind != "" && ref.kind != "Encounter" {
		return ""
	}
	return ref.key
}

// subject sets the key of the patient.
func (f *fhirReader) subject(r *fhirResource) bool {
	element := "subject"
	if r.Type == "AllergyIntolerance" {
		element = "patient"
	}
	if r.Subject == nil {
		if r.Type == "Observation" || r.Type == "Encounter" {
			f.log.leave(r.Type+" without a subject", 1)
		} else {
			f.find("fhir-required", element, "the patient is not there")
		}
		return false
	}
	if r.Subject.Reference == "" {
		f.log.leave("resources that name their patient by words or identifiers alone", 1)
		return false
	}
	ref, ok := parseReference(r.Subject.Reference)
	switch {
	case !ok:
		f.find("fhir-value", element+".reference", "the reference is none, or a search that only a server can do")
		return false
	case ref.in:
		f.log.leave("resources that contain their patient", 1)
		return false
	case ref.kind != "" && ref.kind != "Patient":
		f.log.leave("resources about something else than a patient", 1)
		return false
	case len(ref.key) > maxName:
		f.find("fhir-value", element+".reference", "the reference is too long")
		return false
	}
	f.key = append(f.key[:0], ref.key...)
	if ref.urn {
		f.put(recordUrn, Event{Row: int64(f.row)})
	}
	return true
}

func (f *fhirReader) when(text, element string) (int64, bool) {
	if text == "" {
		return 0, false
	}
	at, ok := fhirTime(text, false)
	if !ok {
		f.find("fhir-value", element, "the time is none of FHIR's")
	}
	return at, ok
}

func (f *fhirReader) whenEnd(text, element string) (int64, bool) {
	at, ok := f.when(text, element)
	if ok {
		at, _ = fhirTime(text, true)
	}
	return at, ok
}

// fhirTime reads a date or a time; a date that lacks its month, day or hour is its first moment, or its last.
func fhirTime(text string, last bool) (int64, bool) {
	b := []byte(text)
	switch len(b) {
	case 4, 7:
		full := text + "-01-01"[:10-len(b)]
		if len(b) == 7 {
			full = text + "-01"
		}
		at, _, ok := calendar([]byte(full))
		if ok && last {
			y, _ := fixed([]byte(full), 0, 4)
			m, _ := fixed([]byte(full), 5, 2)
			if len(b) == 4 {
				m = 12
			}
			at = (days(y, m, daysIn(y, m))+1)*86400e6 - 1
		}
		return at, ok
	case 10:
		at, _, ok := calendar(b)
		if ok && last {
			at += 86400e6 - 1
		}
		return at, ok
	}
	at, kind, ok := calendar(b)
	return at, ok && kind == clockUTC // a time of day needs a zone
}

// firstTime takes the first element that is there. Without any, the resource is left out.
func (f *fhirReader) firstTime(r *fhirResource, elements ...string) (int64, bool) {
	for _, name := range elements {
		text := ""
		var period *fhirPeriod
		switch name {
		case "recordedDate":
			text = r.RecordedDate
		case "onsetDateTime":
			text = r.OnsetDateTime
		case "authoredOn":
			text = r.AuthoredOn
		case "performedDateTime":
			text = r.PerformedDateTime
		case "effectiveDateTime":
			text = r.EffectiveDateTime
		case "effectiveInstant":
			text = r.EffectiveInstant
		case "issued":
			text = r.Issued
		case "onsetPeriod":
			period = r.OnsetPeriod
		case "performedPeriod":
			period = r.PerformedPeriod
		case "effectivePeriod":
			period = r.EffectivePeriod
		case "effectiveTiming":
			if r.EffectiveTiming != nil && len(r.EffectiveTiming.Event) > 0 {
				text = r.EffectiveTiming.Event[0]
			}
		}
		if period != nil {
			text, name = period.Start, name+".start"
			// What was observed over a while is known at its end.
			if text == "" || r.Type == "Observation" && period.End != "" {
				text = period.End
			}
		}
		if text != "" {
			return f.when(text, name)
		}
	}
	f.log.leave(fmt.Sprintf("%s without a time", r.Type), 1)
	return 0, false
}
