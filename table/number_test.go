package table

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

var decimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// checkNumber holds parseNumber against strconv, which rounds correctly, on the grammar that it states.
func checkNumber(t testing.TB, s string) {
	v, form := parseNumber([]byte(s))
	if !decimal.MatchString(s) {
		if form != notNumber && form != infinite {
			t.Fatalf("%q was read as %v", s, v)
		}
		return
	}
	want, _ := strconv.ParseFloat(s, 64)
	if form == notNumber || math.Float64bits(v) != math.Float64bits(want) {
		t.Fatalf("%q was read as %v (form %d), want %v", s, v, form, want)
	}
	if (form == infinite) != math.IsInf(want, 0) {
		t.Fatalf("%q: form %d", s, form)
	}
}

func TestNumbersRoundCorrectly(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		checkNumber(t, rapid.StringMatching(`[+-]?[0-9]{1,25}(\.[0-9]{0,25})?([eE][+-]?[0-9]{1,3})?`).Draw(r, "number"))
		v := math.Float64frombits(rapid.Uint64().Draw(r, "bits"))
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			if back, _ := parseNumber([]byte(formatNumber(v))); math.Float64bits(back) != math.Float64bits(v) {
				t.Fatalf("%v is written %s and read as %v", v, formatNumber(v), back)
			}
		}
	})
}

func TestIdentifiersAreNoNumbers(t *testing.T) {
	for s, want := range map[string]numeral{
		"9007199254740992": plain, "9007199254740993": tooPrecise, "9007199254740994": plain, "12345678901234567890123": tooPrecise,
		"007": zeroLed, "0": plain, "0.5": plain, "00.5": plain, "1e3": plain, "0x10": notNumber, "1_000": notNumber, "1,5": notNumber,
		"-inf": infinite, "Infinity": infinite, "1e999": infinite, "nan": notNumber, "": notNumber, "-": notNumber, ".": notNumber, "e5": notNumber,
	} {
		if _, form := parseNumber([]byte(s)); form != want {
			t.Errorf("%q has form %d, want %d", s, form, want)
		}
	}
}
