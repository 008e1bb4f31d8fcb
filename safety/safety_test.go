package safety

import (
	"encoding/csv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"galen.dev/fault"
)

func whole(t testing.TB) *Set {
	t.Helper()
	s, err := New(Shipped())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Set) must(t testing.TB, names ...string) []Drug {
	t.Helper()
	var out []Drug
	for _, n := range names {
		d, err := s.Drug(n)
		if err != nil {
			t.Fatalf("%s: %v", n, err)
		}
		out = append(out, d)
	}
	return out
}

// healthy is a patient of whom everything is known and nothing is wrong.
func healthy() *Patient {
	p := NewPatient()
	p.Sex, p.Pregnancy, p.CodesKnown, p.AllergiesKnown, p.DrugsKnown = Male, NotPregnant, true, true, true
	p.Labs = [Analytes]float64{50, 90, 90, 20, 20, 10, 4.2, 140, 250, 4, 140, 410, 75, 1}
	return p
}

func TestShippedRulesCiteTheirSource(t *testing.T) {
	s := whole(t)
	if len(s.Rules()) < 80 || s.Drugs() < 300 {
		t.Fatalf("%d rules over %d drugs", len(s.Rules()), s.Drugs())
	}
	onc := 0
	for _, r := range s.Rules() {
		if len(r.Source) < 8 || r.Year < 1990 {
			t.Errorf("rule %s has no source", r.ID)
		}
		if strings.HasPrefix(r.ID, "ONC-") {
			onc++
		}
		if r.Kind == Interaction && (count(r.drugs) == 0 || count(r.others) == 0) {
			t.Errorf("rule %s meets no pair", r.ID)
		}
	}
	if onc != 15 {
		t.Errorf("%d pairs of the ONC list, want 15", onc)
	}
}

func TestCheck(t *testing.T) {
	s := whole(t)
	with := func(change func(*Patient)) *Patient { p := healthy(); change(p); return p }
	takes := func(names ...string) *Patient {
		return with(func(p *Patient) { p.Drugs = s.must(t, names...) })
	}
	allergic := func(word string) *Patient {
		a, err := s.Allergen(word)
		if err != nil {
			t.Fatal(err)
		}
		return with(func(p *Patient) { p.Allergies = []Allergen{a} })
	}
	lab := func(a Analyte, v float64) *Patient { return with(func(p *Patient) { p.Labs[a] = v }) }
	pregnant := func(state Pregnancy) *Patient {
		return with(func(p *Patient) { p.Sex, p.Pregnancy, p.Labs[Age] = Female, state, 30 })
	}
	sick := func(code string) *Patient { return with(func(p *Patient) { p.Codes = []string{code} }) }
	for name, c := range map[string]struct {
		p    *Patient
		drug string
		want Status
		rule string
	}{
		"nothing wrong":                       {healthy(), "metformin", Allowed, ""},
		"tricyclic with MAO inhibitor":        {takes("phenelzine"), "amitriptyline", Forbidden, "ONC-07"},
		"and the other way round":             {takes("amitriptyline"), "phenelzine", Forbidden, "ONC-07"},
		"two QT drugs":                        {takes("methadone"), "haloperidol", Forbidden, "ONC-08"},
		"same substance":                      {takes("sotalol"), "sotalol", Forbidden, "DUP-01"},
		"same class":                          {takes("ramipril"), "lisinopril", Forbidden, "DUP-01"},
		"insulins may go together":            {takes("insulin glargine"), "insulin detemir", Allowed, ""},
		"leftovers of ATC are not duplicates": {takes("mirtazapine"), "venlafaxine", Allowed, ""},
		"simvastatin with amlodipine":         {takes("amlodipine"), "simvastatin", Limited, "INT-05"},
		"metformin below 30":                  {lab(EGFR, 29.9), "metformin", Forbidden, "REN-01"},
		"metformin at 30":                     {lab(EGFR, 30), "metformin", Limited, "REN-02"},
		"metformin, eGFR not known":           {lab(EGFR, math.NaN()), "metformin", Unknown, "REN-01"},
		"spironolactone at 5.5 is not above":  {lab(Potassium, 5.5), "spironolactone", Allowed, ""},
		"spironolactone above":                {lab(Potassium, 5.6), "spironolactone", Forbidden, "REN-12"},
		"NSAID in the third trimester":        {pregnant(Trimester3), "ibuprofen", Forbidden, "PRG-13"},
		"NSAID in the second":                 {pregnant(Trimester2), "ibuprofen", Warned, "PRG-14"},
		"NSAID in the first":                  {pregnant(Trimester1), "ibuprofen", Allowed, ""},
		"NSAID in an unknown one":             {pregnant(Expecting), "ibuprofen", Unknown, "PRG-13"},
		"ACE inhibitor, pregnancy not known":  {pregnant(PregnancyUnknown), "enalapril", Unknown, "PRG-01"},
		"ACE inhibitor and a man":             {with(func(p *Patient) { p.Pregnancy = PregnancyUnknown }), "enalapril", Allowed, ""},
		"beta-blocker in asthma":              {sick("J459"), "propranolol", Forbidden, "CON-01"},
		"J46 is not J45":                      {sick("J46"), "propranolol", Allowed, ""},
		"range of categories":                 {sick("K746"), "valproic acid", Forbidden, "CON-33"},
		"penicillin":                          {allergic("Penicillin"), "amoxicillin", Forbidden, "ALG-01"},
		"allergic to a drug of the class":     {allergic("ampicillin"), "amoxicillin", Forbidden, "ALG-01"},
		"which is not all beta-lactams":       {allergic("ampicillin"), "ceftriaxone", Warned, "ALG-03"},
		"aspirin crosses to NSAIDs":           {allergic("aspirin"), "naproxen", Forbidden, "ALG-10"},
		"the very drug":                       {allergic("metformin"), "metformin", Forbidden, "ALG-00"},
		"no known allergies":                  {allergic("NKDA"), "amoxicillin", Allowed, ""},
		"allergies not known":                 {with(func(p *Patient) { p.AllergiesKnown = false }), "amoxicillin", Unknown, "ALG-00"},
		"drugs not known":                     {with(func(p *Patient) { p.DrugsKnown = false }), "warfarin", Unknown, "DUP-01"},
	} {
		t.Run(name, func(t *testing.T) {
			v := s.Check(c.p, nil, s.must(t, c.drug)[0])
			if v.Status != c.want || c.rule == "" && len(v.Hits) > 0 || c.rule != "" && (len(v.Hits) == 0 || v.Hits[0].Rule.ID != c.rule) {
				t.Errorf("got %v with %d hits, first %v", v.Status, len(v.Hits), v.Hits)
			}
		})
	}
	d := s.must(t, "sertraline", "phenelzine")
	if v := s.Check(healthy(), d[1:], d[0]); v.Status != Forbidden {
		t.Errorf("with a drug that is ordered beside it: %v", v.Status)
	}
	if s.Interacts(d[0], d[1]) != Forbid || s.Interacts(d[0], s.must(t, "metformin")[0]) != "" {
		t.Error("Interacts is wrong")
	}
}

func TestUnknownWordsAreRefused(t *testing.T) {
	s := whole(t)
	_, err := s.Drug("amoxicilin")
	if fault.KindOf(err) != fault.Data || !strings.Contains(fault.HintOf(err), `"amoxicillin"`) || strings.Contains(err.Error(), "amoxicilin") {
		t.Errorf("%v, %s", err, fault.HintOf(err))
	}
	if _, err := s.Allergen("penicilins"); fault.KindOf(err) != fault.Data || !strings.Contains(fault.HintOf(err), `"penicillins"`) {
		t.Errorf("%v, %s", err, fault.HintOf(err))
	}
	if _, err := s.Drug("C07AB"); err == nil {
		t.Error("a class is taken for a drug")
	}
}

const header = "id,kind,drug,other,condition,severity,action,limit,text,source,year\n"

func TestBadRules(t *testing.T) {
	for name, c := range map[string]struct{ rules, want string }{
		"same value":        {header + "H1,lab,metformin,,egfr < 30 mL/min/{1.73_m2},high,warn,,t,ward 3 handbook,2024\n", "contradicts rule REN-01"},
		"milder when worse": {header + "H1,lab,metformin,,egfr < 20 mL/min/{1.73_m2},high,warn,,t,ward 3 handbook,2024\n", "the graver value has the milder consequence"},
		"interaction":       {header + "H1,interaction,sertraline,phenelzine,,high,warn,,t,ward 3 handbook,2024\n", "contradicts rule ONC-04"},
		"pregnancy":         {header + "H1,pregnancy,warfarin,,trimester 2,high,warn,,t,ward 3 handbook,2024\n", "milder consequence than pregnancy"},
		"allergy":           {header + "H1,allergy,amoxicillin,,penicillin,high,warn,,t,ward 3 handbook,2024\n", "contradicts rule ALG-01"},
		"condition":         {header + "H1,condition,propranolol,,J45,high,warn,,t,ward 3 handbook,2024\n", "contradicts rule CON-01"},
		"unknown drug":      {header + "H1,interaction,sertralin,phenelzine,,high,forbid,,t,ward 3 handbook,2024\n", `did you mean "sertraline"`},
		"unit":              {header + "H1,lab,metformin,,egfr < 30 mmol/L,high,forbid,,t,ward 3 handbook,2024\n", "mL/min"},
		"no source":         {header + "H1,lab,metformin,,age < 10 a,high,forbid,,t,,2024\n", "no source"},
		"limit":             {header + "H1,lab,metformin,,age < 10 a,high,limit,,t,s,2024\n", "limit does not go with"},
		"off of nothing":    {header + "H1,lab,metformin,,age < 10 a,high,off,,t,s,2024\n", "no earlier file has a rule H1"},
		"column":            {"id,kinds\nH1,lab\n", `did you mean "kind"`},
		"twice":             {header + "H1,lab,metformin,,age < 10 a,high,forbid,,t,s,2024\nH1,lab,metformin,,age < 9 a,high,forbid,,t,s,2024\n", "stands on line 2 already"},
	} {
		t.Run(name, func(t *testing.T) {
			f := Shipped()
			f.Rules = append(f.Rules, File{Name: "ward.csv", Data: []byte(c.rules)})
			_, err := New(f)
			text := ""
			for _, x := range fault.FindingsOf(err) {
				text += x.String() + "\n"
			}
			if fault.KindOf(err) != fault.Data || !strings.Contains(text, c.want) || !strings.Contains(text, "ward.csv") {
				t.Errorf("got %v\n%s", err, text)
			}
		})
	}
}

func TestHospitalReplacesAndSwitchesOff(t *testing.T) {
	f := Shipped()
	f.Drugs = append(f.Drugs, File{Name: "ours.csv", Data: []byte("name,atc,synonyms\nphysiotherapy,,\n")})
	f.Rules = append(f.Rules, File{Name: "ward.csv", Data: []byte(header +
		"REN-01,lab,metformin,,egfr < 35 mL/min/1.73m2,high,forbid,,Our limit.,ward 3 handbook,2024\n" +
		"DUP-01,duplicate,*,,,low,off,,We check this elsewhere.,ward 3 handbook,2024\n")})
	s, err := New(f)
	if err != nil {
		t.Fatal(err)
	}
	p := healthy()
	p.Labs[EGFR] = 32
	d := s.must(t, "metformin", "ramipril", "lisinopril", "physiotherapy")
	p.Drugs = d[1:2]
	if v := s.Check(p, nil, d[0]); v.Status != Forbidden || v.Hits[0].Rule.File != "ward.csv" {
		t.Errorf("the replaced limit: %v", v)
	}
	if v := s.Check(p, nil, d[2]); v.Status != Allowed || len(s.Off()) != 1 {
		t.Errorf("the rule that is off: %v", v)
	}
	if v := s.Check(p, nil, d[3]); v.Status != Allowed {
		t.Errorf("a treatment without ATC: %v", v)
	}
}

// The shipped table read again by another program of a few lines: a naive one that goes through all lines with strings.
type naive struct {
	drugs map[string][]string // name: ATC codes
	rules [][]string
	class map[string][]string // members of allergen classes
}

func newNaive(t testing.TB) *naive {
	t.Helper()
	read := func(f File) [][]string {
		rows, err := csv.NewReader(strings.NewReader(string(f.Data))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows[1:]
	}
	f := Shipped()
	n := &naive{drugs: map[string][]string{}, class: map[string][]string{}, rules: read(f.Rules[0])}
	for _, r := range read(f.Drugs[0]) {
		n.drugs[r[0]] = strings.Split(r[1], ";")
	}
	for _, r := range read(f.Allergens[0]) {
		n.class[r[0]] = strings.Split(r[1], ";")
	}
	return n
}

func (n *naive) in(drug, list string) bool {
	for word := range strings.SplitSeq(list, ";") {
		if word == drug || word == "*" {
			return true
		}
		for _, code := range n.drugs[drug] {
			if code != "" && strings.HasPrefix(code, word) && n.drugs[word] == nil {
				return true
			}
		}
	}
	return false
}

// forbidden tells whether some rule forbids a drug to a patient of whom everything is known.
func (n *naive) forbidden(s *Set, p *Patient, others []string, drug string, allergies []string) bool {
	for _, r := range n.rules {
		kind, of, other, cond, action := r[1], r[2], r[3], r[4], r[6]
		if action != "forbid" {
			continue
		}
		switch kind {
		case "interaction":
			for _, o := range others {
				if o != drug && (n.in(drug, of) && n.in(o, other) || n.in(o, of) && n.in(drug, other)) {
					return true
				}
			}
		case "lab":
			w := strings.Fields(cond)
			limit, _ := strconv.ParseFloat(w[2], 64)
			a, _ := FindAnalyte(w[0])
			v := p.Labs[a]
			if n.in(drug, of) && (w[1] == "<" && v < limit || w[1] == "<=" && v <= limit || w[1] == ">" && v > limit) {
				return true
			}
		case "pregnancy":
			if n.in(drug, of) && (cond == "any" && p.Pregnancy >= Trimester1 || strings.HasSuffix(cond, strconv.Itoa(int(p.Pregnancy)-1)) && p.Pregnancy >= Trimester1) {
				return true
			}
		case "condition":
			for word := range strings.SplitSeq(cond, ";") {
				low, high, ranged := strings.Cut(word, "-")
				for _, c := range p.Codes {
					if n.in(drug, of) && (!ranged && strings.HasPrefix(c, strings.ReplaceAll(low, ".", "")) || ranged && c[:3] >= low && c[:3] <= high) {
						return true
					}
				}
			}
		case "allergy":
			for word := range strings.SplitSeq(cond, ";") {
				if word == "itself" && slices.Contains(allergies, drug) || n.in(drug, of) && slices.Contains(allergies, word) {
					return true
				}
			}
		case "duplicate":
			for _, o := range others {
				if o == drug {
					return true
				}
				for _, x := range n.drugs[drug] {
					for _, y := range n.drugs[o] {
						if x != "" && y != "" && x[:5] == y[:5] && x[4] != 'X' && !slices.ContainsFunc(strings.Split(other, ";"), func(e string) bool { return strings.HasPrefix(x, e) }) {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

// TestAgainstNaive draws 30,000 patients and candidates and holds Check against the naive program, both ways: what
// one forbids, the other forbids.
func TestAgainstNaive(t *testing.T) {
	s, n := whole(t), newNaive(t)
	rng := rand.New(rand.NewPCG(5, 6))
	codes := []string{"J459", "I500", "I441", "K259", "I639", "K746", "G409", "G20", "I219", "E872", "D550", "N186", "E119", "I10", "I48", "C509", "F03", "Z000"}
	classes := []string{"penicillins", "cephalosporins", "sulfonamide antibiotics", "nsaids", "statins", "egg", "none known", "macrolides"}
	forbade := 0
	cases := 30_000
	if testing.Short() {
		cases = 10_000
	}
	for i := range cases {
		p := healthy()
		p.Labs[Age] = float64(rng.IntN(100))
		p.Labs[EGFR], p.Labs[CrCl], p.Labs[Potassium] = 120*rng.Float64(), 120*rng.Float64(), 3+4*rng.Float64()
		p.Labs[ALT], p.Labs[QTc], p.Labs[HeartRate], p.Labs[Platelets] = 300*rng.Float64(), 350+200*rng.Float64(), 40+80*rng.Float64(), 300*rng.Float64()
		if rng.IntN(3) == 0 {
			p.Sex, p.Pregnancy = Female, Trimester1+Pregnancy(rng.IntN(3))
		}
		var others, allergies []string
		for range rng.IntN(4) {
			d := Drug(rng.IntN(s.Drugs()))
			p.Drugs = append(p.Drugs, d)
			others = append(others, s.Name(d))
		}
		for range rng.IntN(3) {
			p.Codes = append(p.Codes, codes[rng.IntN(len(codes))])
		}
		if rng.IntN(2) == 0 {
			word := classes[rng.IntN(len(classes))]
			a, err := s.Allergen(word)
			if err != nil {
				t.Fatal(err)
			}
			p.Allergies, allergies = append(p.Allergies, a), append(allergies, word)
		}
		candidate := Drug(rng.IntN(s.Drugs()))
		got := s.Check(p, nil, candidate).Status == Forbidden
		want := n.forbidden(s, p, others, s.Name(candidate), allergies)
		if got != want {
			t.Fatalf("case %d, %s beside %v, %v, allergic to %v: forbidden %v, the naive program says %v", i, s.Name(candidate), others, p.Codes, allergies, got, want)
		}
		if got {
			forbade++
		}
	}
	if forbade < cases/50 {
		t.Errorf("only %d of %d candidates were forbidden: the cases test little", forbade, cases)
	}
}

// FuzzRules: no bytes make New panic; what it takes can be checked.
func FuzzRules(f *testing.F) {
	for _, r := range []string{
		header, header + "H1,lab,metformin,,egfr < 30 mL/min/{1.73_m2},high,forbid,,t,s,2024\n", header + "H1,condition,C07A,,I20-I25;J45,high,warn,,t,s,2024\n",
		header + "H1,allergy,*,,itself;penicillins,high,forbid,,t,s,2024\n", header + "H1,duplicate,*,A10,,low,forbid,,t,s,2024\nH2,interaction,*,*,,low,limit,5 mg/d,t,s,2024\n", "\xff\xfe", "id,id\n\"",
	} {
		f.Add([]byte(r))
	}
	drugs := File{Name: "drugs.csv", Data: []byte("name,atc,synonyms\nmetformin,A10BA02,\nwarfarin,B01AA03,coumadin\npropranolol,C07AA05,\nsotalol,C07AA07,\n")}
	allergens := File{Name: "allergens.csv", Data: []byte("name,members,synonyms\npenicillins,,penicillin\nbeta-blockers,C07A,\n")}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := New(Files{Drugs: []File{drugs}, Allergens: []File{allergens}, Rules: []File{{Name: "rules.csv", Data: data}}})
		if err != nil {
			if fault.KindOf(err) != fault.Data {
				t.Fatalf("%v", err)
			}
			return
		}
		p := NewPatient()
		p.Drugs = []Drug{0, 1, 2, 3}
		for d := range s.Drugs() {
			if v := s.Check(p, nil, Drug(d)); len(v.Hits) == 0 && v.Status != Allowed {
				t.Fatal("a status without a hit")
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s := whole(b)
	p := healthy()
	p.Drugs = s.must(b, "warfarin", "ramipril", "metoprolol", "furosemide", "metformin")
	b.ReportAllocs()
	for i := range b.N {
		s.Check(p, nil, Drug(i%s.Drugs()))
	}
}
