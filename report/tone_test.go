package report

import (
	"math"
	"regexp"
	"strings"
	"testing"
)

// linear is a colour in linear RGB.
func linear(s string) [3]float64 {
	c := hex(s)
	lin := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return [3]float64{lin(c.R), lin(c.G), lin(c.B)}
}

// contrast is the ratio of WCAG 2.2.
func contrast(a, b string) float64 {
	lum := func(s string) float64 {
		c := linear(s)
		return .2126*c[0] + .7152*c[1] + .0722*c[2]
	}
	x, y := lum(a), lum(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func TestContrast(t *testing.T) {
	for i, p := range palette {
		tone := Tone(i)
		if tone == Grid || tone == Paper || tone == Soft {
			continue
		}
		grounds := []Tone{Paper}
		if tone < series {
			grounds = append(grounds, Soft)
		}
		for _, g := range grounds {
			if c := contrast(p.light, palette[g].light); c < 4.5 {
				t.Errorf("%s on %s in light: contrast %.2f", p.name, palette[g].name, c)
			}
			if c := contrast(p.dark, palette[g].dark); c < 4.5 {
				t.Errorf("%s on %s in dark: contrast %.2f", p.name, palette[g].name, c)
			}
		}
	}
	// The page's own colours, one rule for each theme.
	rules := regexp.MustCompile(`--link:#[^}]*`).FindAllString(asset("style.css"), -1)
	if len(rules) != 4 {
		t.Fatalf("%d rules set the colours of the page", len(rules))
	}
	for i, r := range rules {
		paper, ink := palette[Paper].light, palette[Ink].light
		if i == 1 || i == 3 {
			paper, ink = palette[Paper].dark, palette[Ink].dark
		}
		for _, m := range regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{6})`).FindAllStringSubmatch(r, -1) {
			c := contrast(m[2], paper)
			if strings.HasPrefix(m[1], "tint") {
				c = contrast(m[2], ink)
			}
			if c < 4.5 {
				t.Errorf("rule %d, %s: contrast %.2f", i, m[1], c)
			}
		}
	}
}

// deficiencies are the matrices of Machado, Oliveira and Fernandes (2009) at full severity, in linear RGB.
var deficiencies = map[string][3][3]float64{
	"normal sight": {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

// lab is CIE L*a*b* under D65 of a colour as seen with a deficiency.
func lab(s string, m [3][3]float64) [3]float64 {
	c := linear(s)
	var seen [3]float64
	for i := range 3 {
		seen[i] = min(max(m[i][0]*c[0]+m[i][1]*c[1]+m[i][2]*c[2], 0), 1)
	}
	f := func(v float64) float64 {
		if v > 216./24389 {
			return math.Cbrt(v)
		}
		return (24389./27*v + 16) / 116
	}
	x := f((.4124564*seen[0] + .3575761*seen[1] + .1804375*seen[2]) / .95047)
	y := f(.2126729*seen[0] + .7151522*seen[1] + .0721750*seen[2])
	z := f((.0193339*seen[0] + .1191920*seen[1] + .9503041*seen[2]) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// Ten units of ΔE*ab are told apart at a glance; a just noticeable difference is about 2.3.
func TestSeriesStayApartForTheColourBlind(t *testing.T) {
	for name, m := range deficiencies {
		for i := series; int(i) < len(palette); i++ {
			for j := i + 1; int(j) < len(palette); j++ {
				for theme, pair := range map[string][2]string{"light": {palette[i].light, palette[j].light}, "dark": {palette[i].dark, palette[j].dark}} {
					a, b := lab(pair[0], m), lab(pair[1], m)
					if d := math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2]); d < 10 {
						t.Errorf("%s, %s: %s and %s differ by %.1f", name, theme, palette[i].name, palette[j].name, d)
					}
				}
			}
		}
	}
}

func TestDashesAndTonesRepeatLate(t *testing.T) {
	seen := map[string]bool{}
	for i := range seriesCount * len(dashes) {
		k := Series(i).name() + string(rune('0'+i%len(dashes)))
		if seen[k] {
			t.Fatalf("series %d looks like an earlier one", i)
		}
		seen[k] = true
	}
}

func TestDarkTones(t *testing.T) {
	if c := Series(0).Dark(); c.R != 0x6a || c.G != 0xb4 || c.B != 0xf2 || c.A != 255 {
		t.Errorf("the first series on dark pages is %v", c)
	}
	if Series(0).Band().Dark() != Series(0).Dark() {
		t.Error("a band's dark value is not its tone's")
	}
}
