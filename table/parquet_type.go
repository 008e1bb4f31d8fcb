package table

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// converter turns values of one Parquet type into cells.
type converter struct {
	put   func(p *part, v parquet.Value)
	words bool   // strings, inferred as in CSV
	days  bool   // dates
	unit  string // that the type itself states
}

// converterFor chooses by logical and physical type. Times of day become seconds, booleans the words true and
// false. The zero converter stands for types that no column kind can hold: intervals, BSON, geometries, raw bytes of
// fixed length.
func converterFor(c *parquet.Column, logical format.LogicalTypeValue) converter {
	kind := c.Type().Kind()
	switch l := logical.(type) {
	case *format.DateType:
		if kind == parquet.Int32 {
			return converter{days: true, put: func(p *part, v parquet.Value) { p.addDays(float64(v.Int32())) }}
		}
		return converter{}
	case *format.TimestampType:
		if kind == parquet.Int64 {
			return timestamps(unitNanos(l.Unit))
		}
		return converter{}
	case *format.TimeType:
		return timesOfDay(kind, float64(unitNanos(l.Unit)))
	case *format.DecimalType:
		return decimals(kind, int(l.Scale))
	case *format.UUIDType:
		if kind == parquet.FixedLenByteArray {
			return converter{words: true, put: func(p *part, v parquet.Value) { p.add(uuid(v.ByteArray()), true) }}
		}
		return converter{}
	case *format.Float16Type:
		if kind == parquet.FixedLenByteArray {
			return converter{put: func(p *part, v parquet.Value) { p.putNumber(float16(v.ByteArray())) }}
		}
		return converter{}
	case *format.BsonType, *format.GeometryType, *format.GeographyType, *format.VariantType, *format.MapType, *format.ListType:
		return converter{}
	case *format.IntType:
		return integers(kind, l.IsSigned)
	case *format.NullType:
		return converter{put: func(p *part, _ parquet.Value) { p.skip() }}
	}
	return physical(c, kind)
}

// physical reads types without a logical one; the library translates the older converted types.
func physical(c *parquet.Column, kind parquet.Kind) converter {
	if l := c.Type().LogicalType(); l != nil {
		switch l.Value.(type) {
		case nil, *format.StringType, *format.EnumType, *format.JsonType:
		default:
			return converterFor(c, l.Value)
		}
	}
	switch kind {
	case parquet.Boolean:
		return converter{words: true, put: putBool}
	case parquet.Int32, parquet.Int64:
		return integers(kind, true)
	case parquet.Int96:
		return converter{days: true, put: func(p *part, v parquet.Value) {
			i := v.Int96()
			// Nanoseconds of the day, then the Julian day number.
			p.addDays(joinDays(int64(i[2])-2440588, int64(uint64(i[1])<<32|uint64(i[0]))))
		}}
	case parquet.Float:
		return converter{put: func(p *part, v parquet.Value) { p.putNumber(float64(v.Float())) }}
	case parquet.Double:
		return converter{put: func(p *part, v parquet.Value) { p.putNumber(v.Double()) }}
	case parquet.ByteArray:
		return converter{words: true, put: func(p *part, v parquet.Value) {
			if b := v.ByteArray(); utf8.Valid(b) {
				p.add(b, true)
			} else {
				p.skip()
				p.notText.add(p.rows())
			}
		}}
	}
	return converter{}
}

func putBool(p *part, v parquet.Value) {
	if p.mode == modeNumber {
		x := 0.0
		if v.Boolean() {
			x = 1
		}
		p.addNumber(x, plain)
		return
	}
	p.add(strconv.AppendBool(nil, v.Boolean()), true)
}

// integers keep whole numbers that float64 cannot hold as words.
func integers(kind parquet.Kind, signed bool) converter {
	switch {
	case kind == parquet.Int32 && signed:
		return converter{put: func(p *part, v parquet.Value) { p.putNumber(float64(v.Int32())) }}
	case kind == parquet.Int32:
		return converter{put: func(p *part, v parquet.Value) { p.putNumber(float64(v.Uint32())) }}
	case kind == parquet.Int64 && signed:
		return converter{put: func(p *part, v parquet.Value) {
			i := v.Int64()
			if x := float64(i); x < 1<<63 && int64(x) == i {
				p.putNumber(x)
			} else {
				p.putPrecise(strconv.AppendInt(nil, i, 10), x)
			}
		}}
	case kind == parquet.Int64:
		return converter{put: func(p *part, v parquet.Value) {
			i := v.Uint64()
			if x := float64(i); x < 1<<64 && uint64(x) == i {
				p.putNumber(x)
			} else {
				p.putPrecise(strconv.AppendUint(nil, i, 10), x)
			}
		}}
	}
	return converter{}
}

func unitNanos(u format.TimeUnit) int64 {
	switch u.Value.(type) {
	case *format.MilliSeconds:
		return 1e6
	case *format.MicroSeconds:
		return 1e3
	}
	return 1
}

func timestamps(nanos int64) converter {
	perDay := dayNanos / nanos
	return converter{days: true, put: func(p *part, v parquet.Value) {
		i := v.Int64()
		p.addDays(joinDays(i/perDay, i%perDay*nanos))
	}}
}

func timesOfDay(kind parquet.Kind, nanos float64) converter {
	c := converter{unit: "s"}
	switch kind {
	case parquet.Int32:
		c.put = func(p *part, v parquet.Value) { p.putNumber(float64(v.Int32()) * nanos / 1e9) }
	case parquet.Int64:
		c.put = func(p *part, v parquet.Value) { p.putNumber(float64(v.Int64()) * nanos / 1e9) }
	}
	return c
}

// decimals gives the float64 nearest to unscaled·10^-scale.
func decimals(kind parquet.Kind, scale int) converter {
	var unscaled func(v parquet.Value) *big.Int
	switch kind {
	case parquet.Int32:
		unscaled = func(v parquet.Value) *big.Int { return big.NewInt(int64(v.Int32())) }
	case parquet.Int64:
		unscaled = func(v parquet.Value) *big.Int { return big.NewInt(v.Int64()) }
	case parquet.ByteArray, parquet.FixedLenByteArray:
		unscaled = func(v parquet.Value) *big.Int { return twosComplement(v.ByteArray()) }
	default:
		return converter{}
	}
	suffix := "e" + strconv.Itoa(-scale)
	return converter{put: func(p *part, v parquet.Value) {
		x, _ := strconv.ParseFloat(unscaled(v).String()+suffix, 64) // out of range gives an infinity
		p.putNumber(x)
	}}
}

// twosComplement reads a big-endian signed integer.
func twosComplement(b []byte) *big.Int {
	i := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		i.Sub(i, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return i
}

func uuid(b []byte) []byte {
	if len(b) != 16 {
		return nil
	}
	out := make([]byte, 36)
	at := 0
	for i, n := range []int{4, 2, 2, 2, 6} {
		if i > 0 {
			out[at] = '-'
			at++
		}
		at += hex.Encode(out[at:], b[:n])
		b = b[n:]
	}
	return out
}

// float16 reads an IEEE 754 binary16 in little-endian order.
func float16(b []byte) float64 {
	if len(b) != 2 {
		return math.NaN()
	}
	h := binary.LittleEndian.Uint16(b)
	sign := 1.0
	if h&0x8000 != 0 {
		sign = -1
	}
	exp, frac := int(h>>10&31), float64(h&1023)
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// putNumber adds a number of a typed file; NaN is missing.
func (p *part) putNumber(v float64) {
	switch {
	case math.IsNaN(v):
		p.skip()
	case p.mode <= modeNumber:
		form := plain
		if math.IsInf(v, 0) {
			form = infinite
		}
		p.addNumber(v, form)
	case p.mode == modeDate && p.own:
		p.days(v)
	default:
		p.add(appendNumber(nil, v), false)
	}
}

// putPrecise adds a whole number that float64 holds only nearly.
func (p *part) putPrecise(digits []byte, near float64) {
	if p.mode <= modeNumber {
		p.addNumber(near, tooPrecise)
		return
	}
	p.add(digits, false)
}

// addDays adds a date of a typed file.
func (p *part) addDays(v float64) {
	if p.mode == modeDate {
		p.days(v)
		return
	}
	p.add([]byte(formatDate(v)), false)
}

func (p *part) days(v float64) {
	p.num = append(p.num, v)
}
