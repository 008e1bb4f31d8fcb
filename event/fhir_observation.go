package event

import (
	"fmt"
	"math"
	"strings"

	"galen.dev/fault"
)

// observation takes the value and the components, each as an event of its own code.
func (f *fhirReader) observation(r *fhirResource) {
	if r.Code == nil {
		f.find("fhir-required", "code", "the code is not there")
		return
	}
	at, ok := f.firstTime(r, "effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming", "issued")
	if !ok {
		return
	}
	f.observed(r.Code, &r.fhirValue, at, "", len(r.Component) > 0)
	for i := range r.Component {
		c := &r.Component[i]
		prefix := fmt.Sprintf("component[%d].", i)
		if c.Code == nil {
			f.find("fhir-required", prefix+"code", "the code is not there")
			continue
		}
		f.observed(c.Code, &c.fhirValue, at, prefix, false)
	}
}

// observed takes one code with its value; a panel, which has components, gives no event without a value of its own.
func (f *fhirReader) observed(code *fhirConcept, v *fhirValue, at int64, prefix string, panel bool) {
	name, ok := f.choose(code, prefix+"code")
	if !ok {
		return
	}
	e := Event{At: at, Value: math.NaN(), Row: int64(f.row)}
	switch {
	case v.Quantity != nil:
		e.Code = f.coded(name)
		if !f.quantity(&e, v.Quantity, prefix+"valueQuantity") {
			return
		}
	case v.Concept != nil:
		answer, ok := f.choose(v.Concept, prefix+"valueCodeableConcept")
		if !ok {
			answer = ""
		} else {
			name += "//" + answer
		}
		e.Code = f.coded(name)
	case v.Boolean != nil:
		e.Code, e.Value = f.coded(name), 0
		if *v.Boolean {
			e.Value = 1
		}
	case v.Integer != nil:
		e.Code = f.coded(name)
		x, ok := decimal(v.Integer)
		if !ok || x != math.Trunc(x) {
			f.find("fhir-value", prefix+"valueInteger", "the value is no whole number")
			return
		}
		e.Value = x
	case v.Ratio != nil:
		e.Code = f.coded(name)
		if !f.ratio(&e, v.Ratio, prefix+"valueRatio") {
			return
		}
	case v.Absent != nil:
		f.log.leave("values of observations that say why they are absent", 1)
		return
	default:
		if kind := v.other(); kind != "" {
			f.log.leave("values of observations that are "+kind+" (the code is kept)", 1)
		} else if panel {
			return
		}
		e.Code = f.coded(name)
	}
	f.coder.use(&e, f.file)
	f.put(recordEvent, e)
}

// other names a type of value that is no number and no code.
func (v *fhirValue) other() string {
	switch {
	case v.String != nil:
		return "texts"
	case v.Range != nil:
		return "ranges"
	case v.Sampled != nil:
		return "samples"
	case v.Time != nil, v.DateTime != nil, v.Period != nil:
		return "times"
	}
	return ""
}

// quantity reads a number and its unit. It is false where the event is left out.
func (f *fhirReader) quantity(e *Event, q *fhirQuantity, element string) bool {
	if len(q.Value) == 0 {
		f.log.leave("quantities without a value", 1)
		return false
	}
	v, ok := decimal(q.Value)
	if !ok {
		f.find("fhir-value", element+".value", "the value is no number, or too large")
		return false
	}
	switch q.Comparator {
	case "":
	case "<", "<=", ">=", ">":
		f.log.note("values that are limits, such as <5, taken as the limit", 1)
	default:
		f.find("fhir-code-invalid", element+".comparator", "the comparator is none of FHIR's")
		return false
	}
	e.Value, e.Unit = v, f.unit(q, element)
	return true
}

// unit is UCUM's where the quantity says so, and else what its words mean.
func (f *fhirReader) unit(q *fhirQuantity, element string) int32 {
	word := q.Code
	if q.System != "http://unitsofmeasure.org" || word == "" {
		if q.Unit != "" {
			word = q.Unit
		}
	}
	if word == "" {
		return 0
	}
	if len(word) > 200 {
		f.find("fhir-value", element+".unit", "the unit is too long")
		return 0
	}
	n, known := f.coder.unitNumber([]byte(word))
	if !known {
		severity, hint := fault.Warning, "it is taken as it is"
		if q.System == "http://unitsofmeasure.org" {
			severity, hint = fault.Severe, "write it as UCUM does, or allow unit-unknown to take it as it is"
		}
		f.log.path("unit-unknown", severity, f.file, strings.TrimPrefix(f.path+"."+element, "."), "the unit is unknown to UCUM", hint)
	}
	return n
}

// ratio divides, as 1:128 for a titre.
func (f *fhirReader) ratio(e *Event, r *fhirRatio, element string) bool {
	if r.Numerator == nil || r.Denominator == nil {
		f.find("fhir-required", element, "a ratio has two sides")
		return false
	}
	var below Event
	if !f.quantity(e, r.Numerator, element+".numerator") || !f.quantity(&below, r.Denominator, element+".denominator") {
		return false
	}
	if below.Value == 0 {
		f.find("fhir-value", element+".denominator", "the ratio has nothing below it")
		return false
	}
	e.Value /= below.Value
	if below.Unit != 0 && below.Unit != e.Unit {
		e.Unit = f.words.Unit(f.words.Units[e.Unit] + "/(" + f.words.Units[below.Unit] + ")")
	} else if below.Unit == e.Unit {
		e.Unit = 0
	}
	return true
}
