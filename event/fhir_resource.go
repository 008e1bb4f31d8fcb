package event

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
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
