package nn

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

// Ties says how the Cox loss treats events at the same time.
type Ties uint8

// The ways to treat ties.
const (
	Breslow Ties = iota // each event sees all who were at risk (Breslow 1974)
	Efron               // each event sees the mean risk set as tied events leave one by one (Efron 1977)
)

// Cox is the negative log partial likelihood of the proportional hazards model (Cox 1972), divided by the number of
// events; 0 where there is none. risks are log hazard ratios, times the times to event or censoring in any unit,
// events 1 or 0; all (batch). The whole batch is the risk set: time and memory grow with its square.
func Cox(risks, times, events *Node, ties Ties) *Node {
	for _, x := range []*Node{risks, times, events} {
		wantRank("Cox loss", x, 1)
		if x.Shape().Size() != risks.Shape().Size() {
			refuse("Cox loss: %s does not fit %s", x.Shape(), risks.Shape())
		}
	}
	n, t, g := risks.Shape().Size(), risks.DType(), risks.Graph()
	square := shapes.Make(t, n, n)
	rowOf := func(x *Node) *Node {
		return graph.BroadcastToShape(graph.Reshape(x, 1, n), shapes.Make(x.DType(), n, n))
	}
	colOf := func(x *Node) *Node {
		return graph.BroadcastToShape(graph.Reshape(x, n, 1), shapes.Make(x.DType(), n, n))
	}
	events = graph.ConvertDType(events, t)
	atRisk := graph.GreaterOrEqual(rowOf(times), colOf(times)) // row i: who is at risk at time i
	// The largest risk of each set is taken out before exponentials, and has no gradient: it cancels.
	low := graph.BroadcastToShape(graph.Scalar(g, t, -1e30), square)
	top := graph.StopGradient(graph.ReduceMax(graph.Where(atRisk, rowOf(risks), low), 1))
	shifted := graph.Where(atRisk, graph.Sub(rowOf(risks), colOf(top)), low)
	e := graph.Exp(shifted)
	sum := graph.ReduceSum(e, 1)
	if ties == Efron {
		tied := graph.Mul(graph.ConvertDType(graph.Equal(rowOf(times), colOf(times)), t), rowOf(events))
		index := graph.Iota(g, shapes.Make(dtypes.Int32, n), 0)
		earlier := graph.ConvertDType(graph.LessThan(rowOf(index), colOf(index)), t)
		rank := graph.ReduceSum(graph.Mul(tied, earlier), 1)
		share := graph.Div(rank, graph.MaxScalar(graph.ReduceSum(tied, 1), 1))
		// For who had no event the set could become empty; it does not count anyway.
		sum = graph.Sub(sum, graph.Mul(graph.Mul(share, events), graph.ReduceSum(graph.Mul(e, tied), 1)))
	}
	each := graph.Mul(events, graph.Sub(graph.Add(top, graph.Log(sum)), risks))
	return ratio(graph.ReduceAllSum(each), graph.ReduceAllSum(events))
}

// DiscreteHazard is the mean negative log-likelihood of a survival model over intervals of time (Gensheimer and
// Narasimhan 2019): logits (batch, intervals) of the hazard in each interval given survival to its start; interval,
// (batch) integers, is the one of the event or of censoring; events, (batch), are 1 or 0. Who was censored counts as
// having survived that interval.
func DiscreteHazard(logits, interval, events *Node) *Node {
	wantRank("discrete hazard loss", logits, 2)
	wantRank("discrete hazard loss", interval, 1)
	wantRank("discrete hazard loss", events, 1)
	if !interval.DType().IsInt() {
		refuse("discrete hazard loss: intervals must be integers, not %s", interval.Shape())
	}
	batch, intervals := logits.Shape().Dimensions[0], lastDim(logits)
	if interval.Shape().Size() != batch || events.Shape().Size() != batch {
		refuse("discrete hazard loss: intervals %s and events %s do not fit logits %s", interval.Shape(), events.Shape(), logits.Shape())
	}
	at := graph.BroadcastToDims(graph.InsertAxes(graph.ConvertDType(interval, dtypes.Int32), -1), batch, intervals)
	each := graph.Iota(logits.Graph(), shapes.Make(dtypes.Int32, batch, intervals), 1)
	seen := graph.ConvertDType(graph.LessOrEqual(each, at), logits.DType())
	happened := graph.Mul(graph.ConvertDType(graph.Equal(each, at), logits.DType()),
		graph.BroadcastToShape(graph.InsertAxes(graph.ConvertDType(events, logits.DType()), -1), logits.Shape()))
	// Binary cross-entropy: softplus(z) - y·z.
	loss := graph.Mul(seen, graph.Sub(Softplus(logits), graph.Mul(happened, logits)))
	return graph.MulScalar(graph.ReduceAllSum(loss), 1/float64(batch))
}
