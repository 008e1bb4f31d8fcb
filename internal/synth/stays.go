package synth

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// Stays of the set: training in set-a, testing in set-b.
const (
	StaysA = 420
	StaysB = 220
)

// Stays makes intensive-care stays in the form of PhysioNet's Challenge of 2012, as a tar: set-a and set-b with a file for
// each stay, of 48 hours, and Outcomes-a.txt and Outcomes-b.txt with In-hospital_death and Length_of_stay (days).
//
// Behind a stay is one severity over time. Vital signs and laboratory values follow it, with noise, and are measured more
// often where it is high. There are two diseases, an infection (ICUType 3) and a failing heart (2), with signs and
// treatments of their own. Who dies depends on where the severity goes: whether it falls under treatment, and, of
// failing hearts, how unsteady the pulse is. The last values alone tell less than their course.
func Stays() []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name, text string) {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Format: tar.FormatUSTAR})
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			panic("synth: " + err.Error()) // memory only
		}
	}
	for part, n := range []int{StaysA, StaysB} {
		set := string(rune('a' + part))
		outcomes := "RecordID,Length_of_stay,In-hospital_death\n"
		for i := range n {
			id := 100001 + 100000*part + i
			text, days, died := stay(id, stream(4, uint64(id)))
			put(fmt.Sprintf("set-%s/%d.txt", set, id), text)
			outcomes += fmt.Sprintf("%d,%d,%d\n", id, days, died)
		}
		put("Outcomes-"+set+".txt", outcomes)
	}
	if err := w.Close(); err != nil {
		panic("synth: " + err.Error())
	}
	return out.Bytes()
}

const stayHours = 48

// sign is a measured value: its usual level, what severity adds to it, noise, and how often it is measured in an hour at
// rest and at severity 1.
type sign struct {
	name                         string
	level, infection, heart      float64
	spread, noise                float64 // between patients, between measurements
	rate, rateSevere, low, upper float64
	digits                       int
}

var signs = []sign{
	{"HR", 78, 22, 12, 9, 4, .5, .4, 25, 220, 0},
	{"SysABP", 128, -26, -20, 12, 6, .45, .45, 40, 230, 0},
	{"DiasABP", 66, -12, -4, 7, 4, .45, .45, 20, 140, 0},
	{"RespRate", 16, 7, 6, 2, 2, .4, .4, 4, 60, 0},
	{"Temp", 36.9, 1.1, -.1, .3, .2, .2, .15, 32, 42, 1},
	{"SaO2", 97, -3, -5, 1, 1, .3, .35, 60, 100, 0},
	{"GCS", 14.5, -4, -2, .5, .7, .2, .2, 3, 15, 0},
	{"Urine", 95, -45, -55, 20, 25, .5, .2, 0, 600, 0},
	{"Lactate", 1.2, 2.3, 1.6, .3, .25, .02, .16, .2, 20, 1},
	{"Creatinine", .95, .9, .8, .25, .1, .04, .06, .2, 12, 1},
	{"BUN", 18, 15, 14, 5, 2, .04, .06, 3, 150, 0},
	{"WBC", 9, 7, .5, 2, 1, .03, .05, .3, 60, 1},
	{"Platelets", 230, -80, -15, 50, 12, .03, .05, 5, 800, 0},
	{"K", 4.1, .4, .5, .3, .2, .05, .07, 2, 8, 1},
	{"Na", 139, -1, -4, 2, 1.2, .05, .06, 110, 170, 0},
	{"Glucose", 125, 30, 20, 20, 18, .06, .08, 30, 600, 0},
	{"pH", 7.4, -.07, -.05, .02, .02, .02, .16, 6.8, 7.7, 2},
}

// stay is the file of a stay, its length in days and whether it ended in death.
func stay(id int, rng *rand.Rand) (text string, days, died int) {
	heart := rng.Float64() < .45
	age := math.Round(min(max(64+15*rng.NormFloat64(), 18), 95))
	kind := 3
	if heart {
		kind = 2
	}
	severity, unsteady := course(heart, rng)
	var b strings.Builder
	fmt.Fprintf(&b, "Time,Parameter,Value\n00:00,RecordID,%d\n00:00,Age,%.0f\n00:00,Gender,%d\n00:00,Height,%s\n00:00,ICUType,%d\n00:00,Weight,%.0f\n", id, age, rng.IntN(2), height(rng), kind, min(max(78+16*rng.NormFloat64(), 40), 160))
	own := make([]float64, len(signs))
	for k, s := range signs {
		own[k] = s.spread * rng.NormFloat64()
	}
	mean, treated := 0.0, false
	for h, level := range severity {
		mean += level / stayHours
		for k, s := range signs {
			if rng.Float64() > s.rate+s.rateSevere*level {
				continue
			}
			slope := s.infection
			if heart {
				slope = s.heart
			}
			v := s.level + own[k] + slope*level*1.4 + s.noise*rng.NormFloat64()
			if s.name == "HR" {
				v += 24 * unsteady * rng.NormFloat64()
			}
			fmt.Fprintf(&b, "%02d:%02d,%s,%.*f\n", h, 3*k, s.name, s.digits, min(max(v, s.low), s.upper))
		}
		if !treated && level > .55 && rng.Float64() < .5 {
			treated = true
			fmt.Fprintf(&b, "%02d:56,%s,1\n", h, map[bool]string{true: "Dobutamine", false: "Norepinephrine"}[heart])
		}
		if level > .8 && rng.Float64() < .3 {
			fmt.Fprintf(&b, "%02d:58,MechVent,1\n", h)
		}
	}
	trend := (average(severity[36:]) - average(severity[:12]))
	risk := -2.9 + 2.6*(mean-.4) + 4.6*trend + .025*(age-64)
	if heart {
		risk += 5 * (unsteady - .3)
	}
	if rng.Float64() < 1/(1+math.Exp(-risk)) {
		died = 1
	}
	days = int(math.Round(min(max(3+9*mean+5*math.Abs(rng.NormFloat64()), 3), 60)))
	return b.String(), days, died
}

// course is the severity, about 0 to 1.3, of each hour, and how unsteady the pulse is. It rises or falls between two
// turns, so that where it stands at the end says little of how it came there.
func course(heart bool, rng *rand.Rand) (severity []float64, unsteady float64) {
	from, to := .15+.8*rng.Float64(), .15+.8*rng.Float64()
	turn := 8 + rng.IntN(28)
	peak := min(max((from+to)/2+.45*(rng.Float64()-.4), .05), 1.2)
	wander := 0.0
	for h := range stayHours {
		wander = .9*wander + .035*rng.NormFloat64()
		level := from + (peak-from)*float64(h)/float64(turn)
		if h > turn {
			level = peak + (to-peak)*float64(h-turn)/float64(stayHours-turn)
		}
		severity = append(severity, min(max(level+wander, 0), 1.3))
	}
	if heart {
		unsteady = rng.Float64() * rng.Float64()
	}
	return severity, unsteady
}

func height(rng *rand.Rand) string {
	if rng.Float64() < .4 {
		return "-1" // not known
	}
	return fmt.Sprintf("%.1f", min(max(169+10*rng.NormFloat64(), 140), 205))
}

func average(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
