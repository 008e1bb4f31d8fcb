package ucum

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"galen.dev/fault"
)

// TestReference compares with the reference implementation: every unit of its table, and expressions, good and bad.
// It counts moles, equivalents and osmoles as numbers, which are apart here.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("testdata/units.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []struct {
		Code       string
		Magnitude  float64
		Dimensions []int8
		Special    bool
		Refused    bool
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	same, left := 0, 0
	for _, w := range want {
		switch w.Code {
		case "[diop]", "Bd": // it gives the reciprocal of the unit; UCUM's text says m-1 and /s
			continue
		case "[m/s2/Hz^(1/2)]": // UCUM writes [m/s2/Hz^0.5]
			continue
		}
		u, err := Parse(strings.TrimSpace(w.Code))
		switch {
		case err != nil && w.Refused:
			same++
			continue
		case err != nil && leftOut.MatchString(w.Code):
			left++
			continue
		case err != nil:
			t.Errorf("%q: %v", w.Code, err)
			continue
		case w.Refused:
			t.Errorf("%q is no unit, and was read as %+v", w.Code, u)
			continue
		}
		d := u.Dimensions
		if got, ref := fmt.Sprint([]int8{d.Length, d.Time, d.Mass, d.Angle, d.Temperature, d.Charge, d.Luminosity}), fmt.Sprint(w.Dimensions); got != ref && !(len(w.Dimensions) == 0 && got == "[0 0 0 0 0 0 0]") {
			t.Errorf("%q has dimensions %s, not %s", w.Code, got, ref)
			continue
		}
		same++
		if w.Special {
			continue // TestScales
		}
		moles := int(d.Amount)
		for _, part := range strings.Fields(d.Arbitrary) {
			var n int
			if _, err := fmt.Sscanf(part, "[eq]%d", &n); err == nil {
				moles += n
			} else if _, err := fmt.Sscanf(part, "[osm]%d", &n); err == nil {
				moles += n
			}
		}
		if got := u.Factor * math.Pow(6.0221367e23, float64(moles)); math.Abs(got-w.Magnitude) > 1e-9*w.Magnitude {
			t.Errorf("%q is %g, not %g", w.Code, got, w.Magnitude)
		}
	}
	t.Logf("%d of %d codes agree; %d have units that are left out on purpose", same, len(want), left)
	if left > 140 {
		t.Errorf("%d units are left out", left)
	}
}

// leftOut are the units that the table leaves out on purpose.
var leftOut = regexp.MustCompile(`_us\]|_br\]|_tr\]|_i\]|_wi\]|_ap\]|_av\]|_pr\]|\[hp|\[kp|Btu|\[(sct|twp|lne|pnt|pca|pied|pouce|ligne|didot|cicero|HP|smoot|mesh_i|ly|h|eps_0|mu_0|m_e|m_p|G|den|degRe)\]|^tex|AU|pc|Ky|Bi|Mx|Oe|Gb|sb|Lmb|ph|car_|bit_s|B\[|10\^|10\*`)

// TestScales: temperatures, logarithms and arbitrary units.
func TestScales(t *testing.T) {
	for _, c := range []struct {
		v        float64
		from, to string
		want     float64
	}{
		{98.6, "[degF]", "Cel", 37},
		{37, "Cel", "K", 310.15},
		{0, "K", "[degF]", -459.67},
		{7.4, "[pH]", "nmol/L", 39.810717055},
		{3, "dB", "1", 1.995262315},
		{120, "mm[Hg]", "kPa", 15.99864},
		{5, "mg/dL", "g/L", .05},
		{1, "10*9/L", "10*3/uL", 1},
		{180, "[lb_av]", "kg", 81.6466266},
		{2, "m[IU]/mL", "[iU]/L", 2},
		{1, "a", "d", 365.25},
		{60, "/min", "Hz", 1},
	} {
		got, err := Convert(c.v, c.from, c.to)
		if err != nil || math.Abs(got-c.want) > 1e-9*math.Max(1, math.Abs(c.want)) {
			t.Errorf("%g %s is %g %s, not %g (%v)", c.v, c.from, got, c.to, c.want, err)
		}
	}
	glucose, sodium, calcium := Substance{MolarMass: 180.156}, Substance{Valence: 1}, Substance{MolarMass: 40.078, Valence: 2}
	for _, c := range []struct {
		v        float64
		from, to string
		s        Substance
		want     float64
	}{
		{90, "mg/dL", "mmol/L", glucose, 4.99567042}, {5, "mmol/L", "mg/dL", glucose, 90.078}, {140, "meq/L", "mmol/L", sodium, 140}, {5, "meq/L", "mmol/L", calcium, 2.5}, {5, "meq/L", "mg/dL", calcium, 10.0195},
	} {
		a, _ := Parse(c.from)
		b, _ := Parse(c.to)
		k, err := NewConverter(a, b, c.s)
		if err != nil || math.Abs(k.Convert(c.v)-c.want) > 1e-7 {
			t.Errorf("%g %s is %g %s, not %g (%v)", c.v, c.from, k.Convert(c.v), c.to, c.want, err)
		}
	}
	for _, c := range [][3]string{
		{"mg", "mL", "do not measure"}, {"mg/dL", "mmol/L", "molar mass"}, {"meq/L", "mmol/L", "valence"}, {"[IU]", "mg", "do not measure"}, {"[IU]", "[EU]", "do not measure"}, {"/min", "1", "do not measure"}, {"mol", "1", "do not measure"},
	} {
		_, err := Convert(1, c[0], c[1])
		if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error()+fault.HintOf(err), c[2]) {
			t.Errorf("%s to %s: %v (%s)", c[0], c[1], err, fault.HintOf(err))
		}
	}
}

// TestSpell: what people write, and what must not be guessed.
func TestSpell(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"mcg/kg/min", "ug/kg/min"},
		{"mmHg", "mm[Hg]"},
		{"K/uL", "10*3/uL"},
		{"°C", "Cel"},
		{"mL/min/1.73m2", "mL/min/{1.73_m2}"},
		{"x10^9/L", "10*9/L"},
		{"10E3/uL", "10*3/uL"},
		{"mEq/L", "meq/L"},
		{"Units/hr", "[arb'U]/h"},
		{"bpm", "/min"},
		{"IU/L", "[IU]/L"},
		{"mg/24h", "mg/(24.h)"},
		{"lbs", "[lb_av]"},
		{"MG/DL", "mg/dL"},
		{"gm/dl", "g/dL"},
		{"mmol/L", "mmol/L"},
		{"#/HPF", "{#}/[HPF]"},
		{" mg ", "mg"},
		{"µg/mL", "ug/mL"},
		{"10^6/mm3", "10^6/mm3"},
		{"MM3", "mm3"},
		{"", ""},
	} {
		if got, ok := Spell(c.text); !ok || got != c.want {
			t.Errorf("%q becomes %q (%v), not %q", c.text, got, ok, c.want)
		}
	}
	for _, text := range []string{"foo", "points", "see note", "mg of dL", "°", "K uL"} {
		if got, ok := Spell(text); ok {
			t.Errorf("%q was taken for %q", text, got)
		}
	}
}

func TestWrong(t *testing.T) {
	for _, c := range [][2]string{
		{"mg/", "at character 4: a unit is missing"},
		{"(mg", "not closed"},
		{"mg{x", "annotation is not closed"},
		{"foo", `at character 1: no unit is called "foo"`},
		{"Cel/min", "stands alone"},
		{"[degF]2", "takes no exponent"},
		{strings.Repeat("m.", 150) + "m", "characters"},
		{strings.Repeat("(", 30) + "m", "too deeply"},
		{"m999", "no exponent"},
		{"m60.m60", "beyond 100"},
		{"Yg60.Yg30", "beyond"},
	} {
		if _, err := Parse(c[0]); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%q: %v", c[0], err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, code := range []string{"mg/dL", "10*3/uL", "mL/min/{1.73_m2}", "(8.h)/d", "/min", "m[IU]-2", "10^+3", "%"} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		u, err := Parse(code)
		if err != nil {
			if fault.KindOf(err) != fault.Data {
				t.Fatal(err)
			}
		} else if u.Factor <= 0 || math.IsInf(u.Factor, 0) || math.IsNaN(u.Factor) {
			t.Fatalf("%q: factor %g", code, u.Factor)
		}
		if spelled, ok := Spell(code); ok {
			if _, err := Parse(spelled); err != nil {
				t.Fatalf("%q was spelled %q: %v", code, spelled, err)
			}
		}
	})
}
