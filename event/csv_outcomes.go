package event

import (
	"bytes"
	"math"
	"slices"
	"unicode/utf8"

	"galen.dev/fault"
)

// outcomeHead finds the columns of outcomes: patient, stay where the events have one, perhaps start, end and part. All
// others are facts.
func (c *csvReader) outcomeHead(names []string) func([][]byte, int) error {
	o := c.opt.Columns
	patient, stay := findColumn(names, o.Patient, "patient"), -1
	if c.stays {
		stay = findColumn(names, o.Stay, "stay")
	}
	if patient < 0 || c.stays && stay < 0 {
		c.log.path("missing-column", fault.Severe, c.outcomes, "", "the outcomes do not name the patient and the stay as the events do", "give them the same columns")
		return nil
	}
	start, end, part := findColumn(names, o.Start, "start"), findColumn(names, o.End, "end"), findColumn(names, o.Part, "part")
	codes := make([]int32, len(names))
	for i, name := range names {
		if codes[i] = -1; i != patient && i != stay && i != start && i != end && i != part {
			codes[i] = c.words.Code(name)
		}
	}
	return func(cells [][]byte, row int) error {
		if !c.setKey(cells, patient, stay, c.outcomes, row) {
			return nil
		}
		c.body = appendEvent(c.body[:0], Event{Unit: unitListed, Row: int64(row)})
		for i, cell := range cells {
			switch {
			case i == start || i == end:
				at, ok := c.time(cell, c.outcomes, row)
				if !ok || at == NoTime {
					continue
				}
				kind := int32(unitStart)
				if i == end {
					kind = unitEnd
				}
				c.body = appendEvent(c.body, Event{Unit: kind, At: at})
			case i == part:
				if n := c.part(bytes.TrimSpace(cell), row); n >= 0 {
					c.body = appendEvent(c.body, Event{Unit: unitPart, Code: n})
				}
			case codes[i] >= 0:
				cell = bytes.TrimSpace(cell)
				v, ok := decimal(cell)
				if !ok && !missing(cell) {
					c.log.row("outcome-number", fault.Severe, c.outcomes, row, "outcomes are no numbers", "write yes and no as 1 and 0")
				}
				if ok && !math.IsNaN(v) {
					c.body = appendEvent(c.body, Event{Unit: unitFact, Code: codes[i], Value: v})
				}
			}
		}
		return c.spill.add(c.key, c.body)
	}
}

// maxParts bounds the parts of a split.
const maxParts = 1000

func (c *csvReader) part(name []byte, row int) int32 {
	if missing(name) {
		return -1
	}
	i := slices.Index(c.parts, string(name))
	if i < 0 {
		if len(c.parts) >= maxParts || len(name) > 100 || !utf8.Valid(name) {
			c.log.row("part", fault.Severe, c.outcomes, row, "the column of parts holds no parts of a split", "")
			return -1
		}
		i = len(c.parts)
		c.parts = append(c.parts, string(name))
	}
	return int32(i)
}
