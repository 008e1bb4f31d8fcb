package conv

// Input dilation puts zeros between the positions of x. Along one axis, the outputs o = first + t·step, with
// step = InputDilation / gcd(InputDilation, Stride), all see the same taps on positions and the same on zeros: they
// are an ordinary convolution of their own, with the taps that count alone. Without input dilation there is one
// phase, the convolution itself.

// An axisPhase is that convolution along one axis: output t sees x[t·stride + offset + j·dilation] through the tap
// tap + j·tapStep, for j < taps.
type axisPhase struct {
	first, step, count     int // outputs first + t·step, for t < count
	tap, tapStep, taps     int
	stride, dilation, from int // from is the position that tap j = 0 of output t = 0 sees; may be negative
}

// axisPhases cuts one axis into phases, in the order of their first output. Phases without outputs are left out.
func axisPhases(in, out, kernel, stride, pad, dilation, inputDilation int) []axisPhase {
	step := inputDilation / gcd(stride, inputDilation)
	tapStep := inputDilation / gcd(dilation, inputDilation)
	var phases []axisPhase
	for first := 0; first < min(step, out); first++ {
		p := axisPhase{
			first: first, step: step, count: (out - first + step - 1) / step, tapStep: tapStep,
			stride: step * stride / inputDilation, dilation: tapStep * dilation / inputDilation,
		}
		for k := 0; k < min(kernel, tapStep); k++ {
			if at := first*stride + k*dilation - pad; at%inputDilation == 0 {
				p.tap, p.from, p.taps = k, at/inputDilation, (kernel-k+tapStep-1)/tapStep
				break
			}
		}
		p.trim(in)
		phases = append(phases, p)
	}
	return phases
}

// trim leaves out taps at either end that see padding in every output.
func (p *axisPhase) trim(in int) {
	for p.taps > 0 && (p.count-1)*p.stride+p.from < 0 {
		p.taps, p.tap, p.from = p.taps-1, p.tap+p.tapStep, p.from+p.dilation
	}
	for p.taps > 0 && p.from+(p.taps-1)*p.dilation >= in {
		p.taps--
	}
}

// seen returns which taps j of output t lie inside an axis of in positions: lo <= j < hi.
func (p *axisPhase) seen(t, in int) (lo, hi int) {
	at := t*p.stride + p.from
	if at < 0 {
		lo = (-at + p.dilation - 1) / p.dilation
	}
	if at < in {
		hi = min(p.taps, (in-1-at)/p.dilation+1)
	}
	return min(lo, max(hi, 0)), max(hi, 0)
}

// inside returns which outputs t see a position of x through tap j: lo <= t < hi.
func (p *axisPhase) inside(j, in int) (lo, hi int) {
	at := p.from + j*p.dilation
	if at < 0 {
		lo = (-at + p.stride - 1) / p.stride
	}
	if at < in {
		hi = min(p.count, (in-1-at)/p.stride+1)
	}
	return min(lo, max(hi, 0)), max(hi, 0)
}

// below is how many outputs t of the phase are outputs below o.
func (p *axisPhase) below(o int) int {
	return max(0, min(p.count, (o-p.first+p.step-1)/p.step))
}

// A phase is one phase along each axis.
type phase struct{ axis [3]axisPhase }

func (s Shape) phases() []phase {
	out := s.Out()
	var axes [3][]axisPhase
	for i := range axes {
		axes[i] = axisPhases(s.In[i], out[i], s.Kernel[i], s.Stride[i], s.PadLow[i], s.Dilation[i], s.InputDilation[i])
	}
	var phases []phase
	for _, d := range axes[0] {
		for _, h := range axes[1] {
			for _, w := range axes[2] {
				phases = append(phases, phase{[3]axisPhase{d, h, w}})
			}
		}
	}
	return phases
}

// taps is how many taps the phase has.
func (p *phase) taps() int { return p.axis[0].taps * p.axis[1].taps * p.axis[2].taps }

// kernelTap is the tap of the whole kernel that is the tap j of the phase.
func (p *phase) kernelTap(j [3]int) [3]int {
	for i, a := range p.axis {
		j[i] = a.tap + j[i]*a.tapStep
	}
	return j
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
