package event

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"galen.dev/fault"
	"galen.dev/medcode/ucum"
)

// Form is a form of a source.
type Form string

// The forms that Read knows. docs/format/events-in.md describes them.
const (
	FormPhysioNet Form = "physionet" // a file for each stay, as in the Challenge of 2012
	FormCSV       Form = "csv"       // a line for each event
	FormMEDS      Form = "meds"      // Medical Event Data Standard 0.4, Parquet
	FormFHIR      Form = "fhir"      // HL7 FHIR R4: bundles, resources, NDJSON
)

// Codes that FHIR and MEDS sources share.
const (
	Birth = "MEDS_BIRTH"
	Death = "MEDS_DEATH"
)

// Options say how a source is read. The zero value reads what its content says it is, and refuses what is doubtful.
type Options struct {
	Form       Form                      // "" = found by content
	Columns    Columns                   // of a CSV; empty names are found
	TimeUnit   string                    // of times that are numbers: "s", "min", "h" or "d" since the start; "" = as the column is called
	Outcomes   string                    // CSV or gzip of facts, one line a stay; "" = outcomes.csv beside events.csv in a folder, or none
	Words      bool                      // take values that are words into the code, as sex//female; false = refuse them
	Patients   bool                      // FHIR: a stay is all of a patient; false = an encounter, where there are any
	Allow      []string                  // names of findings to let pass, of those in Allowed; others have no effect here
	Substances map[string]ucum.Substance // by code, for units of mass and of amount; nil = none
	MemoryMB   int                       // for sorting, before files in TempDir are used; 0 = 128
	TempDir    string                    // "" = the system's
}

// Allowed are the findings that Options.Allow may name: what they concern is left out, or taken as it is, and counted. With
// others the data make no sense that would be safe to take.
var Allowed = []string{
	"after-discharge", "code", "duplicate-event", "fhir-duplicate", "fhir-not-found", "fhir-required", "fhir-value", "fields", "identifier", "number", "outcome-number",
	"outcome-without-stay", "quote", "stay-without-outcome", "time", "unit-clash", "unit-unknown",
}

// Report says what Read found.
type Report struct {
	Form     Form              `json:"form"`
	Patients int               `json:"patients"`
	Stays    int               `json:"stays"`
	Events   int               `json:"events"`
	Clock    string            `json:"clock"` // "start", "local" (times without a zone) or "utc"; "" = no times
	LeftOut  []Count           `json:"left_out"`
	Notes    []Count           `json:"notes"` // what was changed: spellings and conversions of units, limits taken as values
	Names    map[string]string `json:"names"` // of codes, where the source gives them
	Findings []fault.Finding   `json:"findings"`
}

// Count is how often something happened.
type Count struct {
	What string `json:"what"`
	N    int    `json:"n"`
}

// Read reads a source of any known form and hands its stays to add, which must not keep them. Stays of CSV and FHIR come
// in the order of their identifiers, those of PhysioNet and MEDS in the order of the source. Memory does not grow with
// the number of events: what exceeds Options.MemoryMB is sorted in files. Only a single stay (of a patient, for FHIR)
// must fit in memory.
//
// What is wrong comes as one error of kind fault.Data with all findings, after the last stay; what was handed to add is
// then to be thrown away.
func Read(ctx context.Context, source string, opt Options, add func(*Stay) error, words *Vocabulary) (Report, error) {
	form := opt.Form
	if form == "" {
		var err error
		if form, err = detect(source); err != nil {
			return Report{}, err
		}
	}
	in := newInput(ctx, opt, add, words)
	in.report.Form = form
	var err error
	switch form {
	case FormPhysioNet:
		err = in.physioNet(source)
	case FormCSV:
		err = in.csv(source)
	case FormMEDS:
		err = in.meds(source)
	case FormFHIR:
		err = in.fhir(source)
	default:
		err = fault.WithHint(fault.Errorf(fault.Usage, "there is no form %q", form), "%s", fault.DidYouMean(string(form), []string{"physionet", "csv", "meds", "fhir"}))
	}
	if in.spill != nil {
		err = in.spill.close(err)
	}
	in.finish()
	subject := fmt.Sprintf("data %q", filepath.Base(source))
	if list := fault.FindingsOf(err); len(list) > 0 {
		err = fault.Refuse(subject, append(list, in.log.severe...))
	}
	if err != nil {
		return in.report, err
	}
	if in.report.Stays == 0 && len(in.log.severe) == 0 {
		return in.report, fault.Errorf(fault.Data, "%s: it holds no stay", subject)
	}
	return in.report, fault.Refuse(subject, in.log.severe)
}

// input is one reading.
type input struct {
	ctx     context.Context
	opt     Options
	add     func(*Stay) error
	words   *Vocabulary
	report  Report
	log     *findings
	coder   *coder
	spill   *spill
	stay    Stay
	patient string  // of the last stay
	last    []int32 // by code: 1 + place of its last event in the stay being checked; 0 between stays
	prev    []int32 // by event: place of the event of its code before, or -1
}

func newInput(ctx context.Context, opt Options, add func(*Stay) error, words *Vocabulary) *input {
	in := &input{ctx: ctx, opt: opt, add: add, words: words, log: newFindings(opt.Allow)}
	in.coder = newCoder(words, in.log, opt.Substances)
	in.report.LeftOut, in.report.Notes, in.report.Names, in.report.Findings = []Count{}, []Count{}, map[string]string{}, []fault.Finding{}
	return in
}

// maxStay bounds the events of one stay.
const maxStay = 16 << 20

// emit checks a stay of which the events are in the order of the source, brings units together and hands it out.
func (in *input) emit(s *Stay) error {
	if err := in.ctx.Err(); err != nil {
		return err
	}
	if !slices.IsSortedFunc(s.Events, func(a, b Event) int { return cmp.Compare(a.At, b.At) }) {
		s.Sort()
	}
	in.duplicates(s)
	kept := s.Events[:0]
	death := in.words.Find(Death)
	for _, e := range s.Events {
		if e.Code != death && e.At != NoTime && s.End != NoTime && e.At > s.End {
			in.log.row("after-discharge", fault.Severe, s.File, int(e.Row), "events are later than the discharge of their stay", "correct the times, or allow after-discharge to keep the events")
		}
		if in.coder.unify(&e) {
			kept = append(kept, e)
		}
	}
	s.Events = kept
	if s.Patient == "" {
		s.Patient = s.ID
	}
	if in.report.Stays == 0 || s.Patient != in.patient {
		in.report.Patients++ // stays of a patient follow each other
	}
	in.patient = s.Patient
	in.report.Stays++
	in.report.Events += len(s.Events)
	return in.add(s)
}

// duplicates refuses an event that is there twice: same time, code, unit and value.
func (in *input) duplicates(s *Stay) {
	if n := len(in.words.Codes); len(in.last) < n {
		in.last = append(in.last, make([]int32, n-len(in.last)+n/2)...)
	}
	in.prev = in.prev[:0]
	kept := s.Events[:0]
	begin := 0 // of the events of this time, in kept
	for _, e := range s.Events {
		if len(kept) > 0 && kept[len(kept)-1].At != e.At {
			begin = len(kept)
		}
		twice := false
		k := int(in.last[e.Code]) - 1
		for i := k; i >= begin && !twice; i = int(in.prev[i]) {
			o := kept[i]
			twice = o.Unit == e.Unit && (o.Value == e.Value || o.Value != o.Value && e.Value != e.Value)
		}
		if twice {
			in.log.row("duplicate-event", fault.Severe, s.File, int(e.Row), "events are there twice: same time, code, unit and value", "remove the copies, or allow duplicate-event to leave them out")
			in.log.leave("events that are there twice", 1)
			continue
		}
		in.prev = append(in.prev, int32(k))
		kept = append(kept, e)
		in.last[e.Code] = int32(len(kept))
	}
	for _, e := range kept {
		in.last[e.Code] = 0
	}
	s.Events = kept
}

func (in *input) finish() {
	in.coder.notes()
	in.report.LeftOut, in.report.Notes, in.report.Findings = in.log.left.list(), in.log.notes.list(), in.log.mild
}

// physioNet reads by PhysioNet and checks what it checks of any source.
func (in *input) physioNet(source string) error {
	in.report.Clock = "start"
	return PhysioNet(in.ctx, source, func(s *Stay) error {
		return in.emit(s)
	}, in.words)
}
