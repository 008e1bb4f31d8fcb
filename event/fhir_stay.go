package event

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Kinds of records in the spill. A resource is one body: its length, the key of its encounter and its records.
const (
	recordEvent = iota
	recordFact
	recordPatient   // the patient is there
	recordUrn       // the patient must be there
	recordEncounter // At and Row are its beginning and end
	recordParent    // followed by the key of the encounter that it is part of
)

func (f *fhirReader) start() { f.body = f.body[:0] }

func (f *fhirReader) put(kind byte, e Event) {
	f.body = appendEvent(append(f.body, kind), e)
}

func (f *fhirReader) text(s string) {
	f.body = append(binary.AppendUvarint(f.body, uint64(len(s))), s...)
}

// flush adds a resource to the spill.
func (f *fhirReader) flush(encounter string) error {
	if len(f.body) == 0 {
		return nil
	}
	head := binary.AppendUvarint(nil, uint64(len(encounter)))
	head = append(head, encounter...)
	out := binary.AppendUvarint(nil, uint64(len(head)+len(f.body)))
	out = append(append(out, head...), f.body...)
	return f.spill.add(f.key, out)
}

// patientRecord is all that a source holds of a patient.
type patientRecord struct {
	base       []Event // from the patient itself
	facts      []Fact
	encounters []encounterRecord
	events     []Event // of all resources, in their order
	of         []int32 // by event: number of its encounter, or -1
	there      int
	urn        int64
}

type encounterRecord struct {
	key, parent string
	start, end  int64
	events      []Event
}

// read decodes the spill's bytes, which this program wrote.
func (p *patientRecord) read(body []byte, meds []medication) (lost int) {
	index := map[string]int32{}
	refer := []string{}
	for len(body) > 0 {
		size, n := binary.Uvarint(body)
		record := body[n : n+int(size)]
		body = body[n+int(size):]
		k, n := binary.Uvarint(record)
		key := string(record[n : n+int(k)])
		record = record[n+int(k):]
		patient := false
		for len(record) > 0 {
			kind, e := record[0], readEvent(record[1:])
			record = record[1+eventSize:]
			switch kind {
			case recordPatient:
				p.there++
				patient = true
			case recordUrn:
				if p.urn == 0 {
					p.urn = e.Row
				}
			case recordFact:
				p.facts = append(p.facts, Fact{Code: e.Code, Value: e.Value})
			case recordEncounter:
				p.encounters = append(p.encounters, encounterRecord{key: key, start: e.At, end: e.Row})
			case recordParent:
				k, n := binary.Uvarint(record)
				p.encounters[len(p.encounters)-1].parent = string(record[n : n+int(k)])
				record = record[n+int(k):]
			case recordEvent:
				if e.Code < 0 {
					if e.Code = meds[-1-e.Code].code; e.Code < 0 {
						lost++
						continue
					}
				}
				if patient {
					p.base = append(p.base, e)
					continue
				}
				p.events = append(p.events, e)
				refer = append(refer, key)
			}
		}
	}
	for i := range p.encounters {
		index[p.encounters[i].key] = int32(i)
	}
	for _, key := range refer {
		n, ok := index[key]
		if !ok || key == "" {
			n = -1
		}
		p.of = append(p.of, n)
	}
	return lost
}

// hand puts the stays of a patient together.
func (f *fhirReader) hand(key, body []byte) error {
	if len(body)/eventSize > maxStay {
		return tooLong()
	}
	var p patientRecord
	if lost := p.read(body, f.meds); lost > 0 {
		f.log.leave("medications that are not there", lost)
	}
	switch {
	case p.there > 1:
		f.log.row("fhir-duplicate", fault.Severe, f.only, 0, "a patient is there more than once", "leave one of the resources out")
	case p.there == 0 && p.urn > 0:
		f.log.row("fhir-not-found", fault.Severe, f.only, int(p.urn), "entries refer by urn to a patient that the source does not hold", "the rows are the numbers of the entries")
	case p.there == 0:
		f.log.row("fhir-patient-absent", fault.Warning, f.only, 0, "resources are of patients that the source does not hold", "age and sex are not known of them")
	}
	patient := string(key)
	if f.opt.Patients || len(p.encounters) == 0 {
		return f.whole(patient, &p)
	}
	return f.stays(patient, &p)
}

// whole makes one stay of a patient.
func (f *fhirReader) whole(patient string, p *patientRecord) error {
	s := &f.stay
	*s = Stay{ID: patient, Patient: patient, File: f.only, Start: NoTime, End: NoTime, Facts: append(s.Facts[:0], p.facts...)}
	s.Events = append(append(s.Events[:0], p.base...), p.events...)
	if len(s.Events) == 0 {
		return nil
	}
	return f.emit(s)
}

// stays makes one stay of each encounter that is part of no other. An event without an encounter belongs to the one in
// whose time it lies.
func (f *fhirReader) stays(patient string, p *patientRecord) error {
	root := f.roots(p)
	untimed := []Event{}
	for i, e := range p.events {
		n := p.of[i]
		switch {
		case n >= 0:
			n = root[n]
		case e.At == NoTime:
			untimed = append(untimed, e)
			continue
		default:
			n = p.during(e.At, root)
		}
		if n < 0 {
			f.log.leave("events outside every encounter", 1)
			continue
		}
		p.encounters[n].events = append(p.encounters[n].events, e)
	}
	order := []int{}
	for i := range p.encounters {
		if int(root[i]) == i {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &p.encounters[a], &p.encounters[b]
		if x.start != y.start {
			if x.start < y.start {
				return -1
			}
			return 1
		}
		return strings.Compare(x.key, y.key)
	})
	for _, i := range order {
		n := &p.encounters[i]
		s := &f.stay
		*s = Stay{ID: n.key, Patient: patient, File: f.only, Start: n.start, End: n.end, Facts: append(s.Facts[:0], p.facts...)}
		if s.ID == "" {
			s.ID = patient
		}
		s.Events = append(append(append(s.Events[:0], p.base...), untimed...), n.events...)
		if err := f.emit(s); err != nil {
			return err
		}
	}
	return nil
}

// roots is, for each encounter, the one that it is part of, at the top. Encounters that are there twice are reported.
func (f *fhirReader) roots(p *patientRecord) []int32 {
	index := map[string]int32{}
	for i := range p.encounters {
		if _, twice := index[p.encounters[i].key]; twice {
			f.log.row("fhir-duplicate", fault.Severe, f.only, 0, "an encounter is there more than once", "leave one of the resources out")
		}
		index[p.encounters[i].key] = int32(i)
	}
	root := make([]int32, len(p.encounters))
	for i := range root {
		root[i] = int32(i)
		for range len(root) {
			parent, ok := index[p.encounters[root[i]].parent]
			if !ok || p.encounters[root[i]].parent == "" {
				break
			}
			root[i] = parent
		}
		if q := p.encounters[root[i]].parent; q != "" {
			if _, ok := index[q]; ok { // a ring
				f.log.row("fhir-value", fault.Severe, f.only, 0, "encounters are part of each other in a ring", "")
				root[i] = int32(i)
			}
		}
	}
	return root
}

// during finds the encounter in whose time an event lies: of several the one that began last.
func (p *patientRecord) during(at int64, root []int32) int32 {
	best, begin := int32(-1), int64(math.MinInt64)
	for i := range p.encounters {
		n := &p.encounters[i]
		if n.start == NoTime || at < n.start || n.end != NoTime && at > n.end {
			continue
		}
		if n.start > begin || best < 0 {
			best, begin = root[i], n.start
		}
	}
	return best
}
