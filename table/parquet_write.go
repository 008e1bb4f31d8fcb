package table

import (
	"io"
	"math"
	"reflect"

	"github.com/parquet-go/parquet-go"

	"galen.dev/fault"
)

// rowGroup is how many rows are written, and later read, at a time.
const rowGroup = 1 << 17

// WriteParquet writes the table with its schema, so that Read gives the identical columns back: kinds, units,
// levels and their order, missing values. Other programs see doubles, strings, dates and timestamps. The bytes
// depend on the table only. Errors: Data for a table without columns or with more than 65,534, the format's limit
// here; the writer's own.
func (t *Table) WriteParquet(w io.Writer) error {
	if n := len(t.Columns); n == 0 || n > parquet.MaxColumnIndex {
		return fault.Errorf(fault.Data, "a Parquet file holds 1 to %d columns, and the table has %d", parquet.MaxColumnIndex, n)
	}
	root := &orderedGroup{Group: parquet.Group{}}
	puts := make([]func(row int) parquet.Value, len(t.Columns))
	for i, c := range t.Columns {
		var node parquet.Node
		node, puts[i] = c.parquetForm()
		node = parquet.Compressed(parquet.Optional(node), &parquet.Snappy)
		root.Group[c.Name] = node
		root.fields = append(root.fields, &orderedField{Node: node, name: c.Name})
	}
	pw := parquet.NewGenericWriter[any](w, parquet.NewSchema("table", root),
		parquet.KeyValueMetadata(schemaKey, string(t.Schema().YAML())), parquet.CreatedBy("galen", "1", ""))
	values := make([]parquet.Value, 0, 1024)
	columns := pw.ColumnWriters()
	for from := 0; from < t.Rows; from += rowGroup {
		to := min(from+rowGroup, t.Rows)
		for i, c := range t.Columns {
			for row := from; row < to; {
				values = values[:0]
				for ; row < to && len(values) < cap(values); row++ {
					v := parquet.NullValue().Level(0, 0, i)
					if !c.Missing(row) {
						v = puts[i](row).Level(0, 1, i)
					}
					values = append(values, v)
				}
				if _, err := columns[i].WriteRowValues(values); err != nil {
					return err
				}
			}
		}
		if err := pw.Flush(); err != nil {
			return err
		}
	}
	return pw.Close()
}

// parquetForm chooses the type that others read best among those that hold the column exactly.
func (c *Column) parquetForm() (parquet.Node, func(row int) parquet.Value) {
	switch c.Kind {
	case Numeric:
		return parquet.Leaf(parquet.DoubleType), func(r int) parquet.Value { return parquet.DoubleValue(c.Num[r]) }
	case Date:
		return c.parquetDates()
	case Text:
		return parquet.String(), func(r int) parquet.Value { return parquet.ByteArrayValue([]byte(c.Text[r])) }
	}
	levels := make([]parquet.Value, len(c.Levels))
	for i, l := range c.Levels {
		levels[i] = parquet.ByteArrayValue([]byte(l))
	}
	return parquet.Encoded(parquet.String(), &parquet.RLEDictionary), func(r int) parquet.Value { return levels[c.Cat[r]] }
}

// parquetDates writes whole days as DATE, times of day as TIMESTAMP in microseconds, and what neither holds exactly
// as days in a double.
func (c *Column) parquetDates() (parquet.Node, func(row int) parquet.Value) {
	whole, micros := true, true
	for _, v := range c.Num {
		if math.IsNaN(v) {
			continue
		}
		whole = whole && v == math.Trunc(v) && math.Abs(v) < 1<<31
		micros = micros && math.Abs(v) < 100_000_000 && fromMicros(toMicros(v)) == v
	}
	switch {
	case whole:
		return parquet.Date(), func(r int) parquet.Value { return parquet.Int32Value(int32(c.Num[r])) }
	case micros:
		return parquet.Timestamp(parquet.Microsecond), func(r int) parquet.Value { return parquet.Int64Value(toMicros(c.Num[r])) }
	}
	return parquet.Leaf(parquet.DoubleType), func(r int) parquet.Value { return parquet.DoubleValue(c.Num[r]) }
}

const dayMicros = dayNanos / 1000

func toMicros(v float64) int64 {
	days, nanos := splitDays(v)
	return days*dayMicros + (nanos+500)/1000
}

func fromMicros(i int64) float64 { return joinDays(i/dayMicros, i%dayMicros*1000) }

// orderedGroup is a root node whose fields keep the order of the columns.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

// Fields replaces the alphabetical order of parquet.Group.
func (g *orderedGroup) Fields() []parquet.Field { return g.fields }

type orderedField struct {
	parquet.Node
	name string
}

func (f *orderedField) Name() string { return f.name }

// Value is never asked for, because columns are written value by value.
func (f *orderedField) Value(reflect.Value) reflect.Value { return reflect.Value{} }
