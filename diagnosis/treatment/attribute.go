package treatment

import (
	"math/rand/v2"

	"galen.dev/tree"
)

// attribution is one explanation: base and contributions add up to value, the model's log odds before recalibration.
type attribution struct {
	base, value float64
	phi         []float64 // of each feature of the plan
}

// attributor splits log odds into what each feature adds: exact coefficients for the regression, TreeSHAP for trees,
// Shapley values over sampled orders for the network, which add up exactly too. Votes are explained by their cases.
type attributor struct {
	m     *predictor
	trees []*tree.Explainer
	perms [][]int
}

// orders is the number of orders in which features of the network join, each followed by its reverse (antithetic
// sampling, Mitchell et al. 2022).
const orders = 8

func newAttributor(m *predictor) *attributor {
	a := &attributor{m: m}
	for _, b := range m.boost {
		var x *tree.Explainer
		if b != nil {
			x = b.Explainer()
		}
		a.trees = append(a.trees, x)
	}
	if m.net != nil {
		rng := rand.New(rand.NewPCG(1, uint64(len(m.plan.Features))))
		for range orders / 2 {
			p := rng.Perm(len(m.plan.Features))
			back := make([]int, len(p))
			for i, j := range p {
				back[len(p)-1-i] = j
			}
			a.perms = append(a.perms, p, back)
		}
	}
	return a
}

// explain explains the log odds of some treatments for an encoded case; nil for votes.
func (a *attributor) explain(row []float64, treatments []int, w *work) []attribution {
	m := a.m
	switch {
	case m.net != nil:
		return a.explainNetwork(row, treatments, w)
	case m.nearest != nil:
		return nil
	}
	out := make([]attribution, len(treatments))
	m.plan.linearRow(row, w.z)
	for k, t := range treatments {
		x := attribution{phi: make([]float64, len(m.plan.Features))}
		switch {
		case m.linear != nil && m.linear[t] != nil:
			value := make([]float64, 1)
			m.linear[t].Margin(w.z, value)
			parts, base := m.linear[t].Contributions(0, w.z, m.mean)
			x.base, x.value = base, value[0]
			m.plan.toFeatures(parts, x.phi)
		case m.boost != nil && m.boost[t] != nil:
			e := a.trees[t].Explain(row)
			x.base, x.phi, x.value = e.Base[0], e.Phi[0], m.boost[t].Margin(row)[0]
		default:
			x.base = logit(m.constant[t])
			x.value = x.base
		}
		out[k] = x
	}
	return out
}

// toFeatures adds what columns of the linear design contribute to their features.
func (p *plan) toFeatures(parts, phi []float64) {
	at := len(p.Features)
	for j := range p.Features {
		phi[j] += parts[j]
		if p.Features[j].Indicator {
			phi[j] += parts[at]
			at++
		}
	}
}

// explainNetwork lets features join one after the other, from the mean training case to this one, and shares out each
// step's change. Only the first layer's sums change with a feature, so a step costs the second layer.
func (a *attributor) explainNetwork(row []float64, treatments []int, w *work) []attribution {
	m, n := a.m, a.m.net
	m.plan.linearRow(row, w.z)
	start := make([]float64, len(n.Bias1))
	last, now := make([]float64, m.treatments), make([]float64, m.treatments)
	n.margins(m.mean, last, start)
	base := append([]float64(nil), last...)
	indicators := m.plan.indicators()
	phi := make([][]float64, len(treatments))
	for k := range phi {
		phi[k] = make([]float64, len(m.plan.Features))
	}
	for _, order := range a.perms {
		copy(w.hidden, start)
		copy(last, base)
		for _, j := range order {
			moved := n.move(w.hidden, j, w.z[j]-m.mean[j])
			if at := indicators[j]; at > 0 {
				moved = n.move(w.hidden, at, w.z[at]-m.mean[at]) || moved
			}
			if !moved {
				continue
			}
			n.outputs(w.hidden, now)
			for k, t := range treatments {
				phi[k][j] += (now[t] - last[t]) / float64(len(a.perms))
			}
			copy(last, now)
		}
	}
	n.margins(w.z, now, w.hidden)
	out := make([]attribution, len(treatments))
	for k, t := range treatments {
		out[k] = attribution{base: base[t], value: now[t], phi: phi[k]}
	}
	return out
}

// move changes an input by d in the sums of the hidden units.
func (n *network) move(hidden []float64, input int, d float64) bool {
	if d == 0 {
		return false
	}
	for u, w := range n.Weight1[input] {
		hidden[u] += d * w
	}
	return true
}

// indicators gives for each feature its column of missingness in the linear design, or 0.
func (p *plan) indicators() []int {
	out, at := make([]int, len(p.Features)), len(p.Features)
	for j := range p.Features {
		if p.Features[j].Indicator {
			out[j] = at
			at++
		}
	}
	return out
}
