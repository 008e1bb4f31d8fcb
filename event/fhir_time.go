package event

import "fmt"

// when reads the time of an element; without one, or with a wrong one, it is false.
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
