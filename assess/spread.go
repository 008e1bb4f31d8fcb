package assess

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"galen.dev/metric"
)

// spread summarises repeated splits: the mean over repeats, with Student's interval and the correction of
// Nadeau & Bengio (2003), because repeated splits share their cases. Its variance is that between splits, so
// for folds that between single folds (Bouckaert & Frank 2004): repeats of the whole cross-validation test
// the same cases each time, and their spread says nothing about other cases.
func (a *Assessment) spread(repeats []*Predictions) {
	s, o, ratio := &a.Scores, a.Outcome, a.opt.TestShare
	single := map[string][]float64{}
	for _, t := range repeats {
		s.Repeats = append(s.Repeats, t.scores(nil, o))
		for _, rows := range t.byPart() {
			for name, v := range t.scores(rows, o) {
				single[name] = append(single[name], v)
			}
		}
	}
	s.Spread = map[string]metric.Interval{}
	for name := range s.Repeats[0] {
		var whole []float64
		for _, r := range s.Repeats {
			if v, ok := r[name]; ok {
				whole = append(whole, v)
			}
		}
		if len(whole) < len(s.Repeats) || len(single[name]) < 2 {
			continue // a mean over the splits that happen to have it is not comparable
		}
		mean, sd, n := stat.Mean(whole, nil), stat.StdDev(single[name], nil), float64(len(single[name]))
		half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(.975) * sd * math.Sqrt(1/n+ratio)
		most := 1.0 // of every score but the log loss and, with several classes, the Brier score
		if name == "log_loss" || name == "brier" && !o.Binary() {
			most = math.Inf(1)
		}
		s.Spread[name] = metric.Interval{Value: mean, Low: math.Max(0, mean-half), High: math.Min(most, mean+half), Rounds: len(s.Repeats)}
	}
}

// byPart lists the tested cases of each split.
func (p *Predictions) byPart() [][]int {
	var out [][]int
	for i, k := range p.Part {
		if i == 0 || k != p.Part[i-1] {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], i)
	}
	return out
}

// scores are those that repeats are summarised by, of the given tested cases; nil = all. Those that are not
// defined are left out.
func (p *Predictions) scores(rows []int, o Outcome) map[string]float64 {
	P, y := p.Prob, p.Y
	if rows != nil {
		P, y = pick(P, rows), pick(y, rows)
	}
	one := map[string]float64{}
	set := func(name string, v float64) {
		if !math.IsNaN(v) {
			one[name] = v
		}
	}
	if !o.Binary() {
		c := classScores(P, y, metric.MostLikely(P))
		set("auroc", c[0])
		set("log_loss", c[1])
		set("brier", c[2])
		set("accuracy", c[3])
		return one
	}
	risk, event := column(P, 1), isClass(y, 1)
	set("auroc", metric.AUROC(risk, event))
	set("auprc", metric.AveragePrecision(risk, event))
	set("brier", metric.Brier(risk, event))
	set("log_loss", metric.LogLoss(risk, event))
	return one
}
