package risk

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/table"
)

// maxClasses bounds the classes of a target: more is a quantity or an identifier.
const maxClasses = 20

// readOutcome finds the classes of the target and each row's class, -1 where it is missing. event names the
// levels that make up the event; with none named, a 0/1 or no/yes target speaks for itself, more than two
// levels are classes, and two levels of other names are refused rather than guessed.
func readOutcome(t *table.Table, target string, event []string) (*assess.Outcome, []int, error) {
	c := t.Column(target)
	if c == nil {
		return nil, nil, fault.WithHint(fault.Refuse(subject(t), []fault.Finding{{
			Name: "target-absent", Severity: fault.Severe, File: t.File, Column: target, Message: "there is no such column to predict",
		}}), "%s", orText(fault.DidYouMean(target, columnNames(t)), "the columns are "+strings.Join(columnNames(t), ", ")))
	}
	level, levels, err := targetLevels(t, c)
	if err != nil {
		return nil, nil, err
	}
	refuse := func(hint, format string, args ...any) (*assess.Outcome, []int, error) {
		return nil, nil, fault.Refuse(subject(t), []fault.Finding{{
			Name: "target", Severity: fault.Severe, File: t.File, Column: target, Message: fmt.Sprintf(format, args...), Hint: hint,
		}})
	}
	if len(levels) < 2 {
		return nil, nil, fault.Refuse(subject(t), []fault.Finding{{
			Name: "one-class", Severity: fault.Severe, File: t.File, Column: target,
			Message: "the target has fewer than two classes: there is nothing to tell apart", Hint: "check that cases with and without the event are in the file",
		}})
	}
	if len(event) == 0 {
		if len(levels) > 2 {
			return &assess.Outcome{Target: target, Classes: levels}, level, nil
		}
		e, ok := plainEvent(levels)
		if !ok {
			return refuse("set the parameter positive to the level that is the event", "two levels, and it is not plain which one is the event: %s", strings.Join(levels, ", "))
		}
		event = []string{e}
	}
	event = unique(event)
	for _, e := range event {
		if !slices.Contains(levels, e) {
			return refuse(orText(fault.DidYouMean(e, levels), "the levels are "+strings.Join(levels, ", ")), "no case has the level %q that positive names", e)
		}
	}
	if len(event) == len(levels) {
		return refuse("leave at least one level out of positive", "positive names every level")
	}
	return binaryOutcome(target, levels, event, level)
}

// unique keeps the first of equal texts.
func unique(texts []string) []string {
	var out []string
	for _, s := range texts {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func binaryOutcome(target string, levels, event []string, level []int) (*assess.Outcome, []int, error) {
	var rest []string
	for _, l := range levels {
		if !slices.Contains(event, l) {
			rest = append(rest, l)
		}
	}
	y := make([]int, len(level))
	for i, l := range level {
		y[i] = -1
		if l >= 0 {
			y[i] = int(indicator(slices.Contains(event, levels[l])))
		}
	}
	return &assess.Outcome{Target: target, Classes: []string{strings.Join(rest, " or "), strings.Join(event, " or ")}, Event: event}, y, nil
}

// plainEvent tells which of two levels is the event, if everybody would say so.
func plainEvent(levels []string) (string, bool) {
	pairs := [][2]string{{"0", "1"}, {"no", "yes"}, {"n", "y"}, {"false", "true"}, {"f", "t"}, {"absent", "present"}, {"negative", "positive"}, {"benign", "malignant"}, {"alive", "dead"}}
	for _, p := range pairs {
		for i := range levels {
			if strings.EqualFold(levels[1-i], p[0]) && strings.EqualFold(levels[i], p[1]) {
				return levels[i], true
			}
		}
	}
	return "", false
}

// targetLevels returns each row's level and the levels that occur, in order: numbers by value, texts as the
// schema has them.
func targetLevels(t *table.Table, c *table.Column) (level []int, levels []string, err error) {
	level = make([]int, t.Rows)
	switch c.Kind {
	case table.Category, table.Code:
		seen := make([]int, len(c.Levels))
		for _, l := range c.Cat {
			if l >= 0 {
				seen[l]++
			}
		}
		index := make([]int, len(c.Levels))
		for l, n := range seen {
			if n > 0 {
				index[l] = len(levels)
				levels = append(levels, c.Levels[l])
			}
		}
		for i, l := range c.Cat {
			level[i] = -1
			if l >= 0 {
				level[i] = index[l]
			}
		}
	case table.Numeric:
		return numericLevels(t, c)
	default:
		err = fault.Refuse(subject(t), []fault.Finding{{
			Name: "target", Severity: fault.Severe, File: t.File, Column: c.Name, Message: "a " + c.Kind.String() + " column holds no classes to predict",
			Hint: "say in a schema file what the column holds",
		}})
	}
	if err == nil && len(levels) > maxClasses {
		err = tooManyClasses(t, c, len(levels))
	}
	return level, levels, err
}

func numericLevels(t *table.Table, c *table.Column) (level []int, levels []string, err error) {
	var values []float64
	for _, v := range c.Num {
		if math.IsNaN(v) {
			continue
		}
		k, found := slices.BinarySearch(values, v)
		if !found {
			values = slices.Insert(values, k, v)
		}
		if len(values) > maxClasses {
			return nil, nil, tooManyClasses(t, c, len(values))
		}
	}
	level = make([]int, t.Rows)
	for i, v := range c.Num {
		level[i] = -1
		if k, found := slices.BinarySearch(values, v); found {
			level[i] = k
		}
	}
	for _, v := range values {
		levels = append(levels, numberText(v))
	}
	return level, levels, nil
}

// numberText writes a number as people write codes and measurements: 22298006, not 2.2298006e+07.
func numberText(v float64) string {
	if math.Abs(v) < 1e15 && math.Abs(v) >= 1e-4 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func tooManyClasses(t *table.Table, c *table.Column, n int) error {
	return fault.Refuse(subject(t), []fault.Finding{{
		Name: "target", Severity: fault.Severe, File: t.File, Column: c.Name, Message: fmt.Sprintf("%d or more distinct values are no classes; at most %d", n, maxClasses),
		Hint: "this task predicts classes; name a column that says which class a case belongs to",
	}})
}

func columnNames(t *table.Table) []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

func subject(t *table.Table) string { return fmt.Sprintf("data %q", t.File) }

func orText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
