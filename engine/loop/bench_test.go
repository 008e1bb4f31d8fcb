package loop

import (
	"fmt"
	"testing"
)

// A workload is one or more programs run one after the other, named as in bench/loop_peer.py. bytes is what
// has to cross the memory bus at least.
type workload struct {
	name  string
	bytes int
	run   func()
}

func floatsOf(n int) []byte { return Bytes(normals(uint64(n), n)) }

func workloads(b testing.TB) []workload {
	return []workload{
		biasRelu(b, 50000, 32), biasRelu(b, 50000, 10), normApply(b, 50176, 64), reluGradient(b, 50176, 64),
		lstmCell(b, 64, 128), crossEntropy(b, 256, 10), sgd(b, 11_000_000), adamStep(b, 11_000_000),
		geluForward(b, 256, 3072),
	}
}

func biasRelu(b testing.TB, rows, n int) workload {
	s := &Spec{Dims: []int{rows, n}}
	x, bias := s.Input(F32, n, 1), s.Input(F32, 0, 1)
	s.Store(s.Do(Max, s.Do(Add, x, bias), s.Const(F32, 0)), n, 1)
	p := compiled(b, s)
	mem := [][]byte{floatsOf(rows * n), floatsOf(n), make([]byte, 4*rows*n)}
	return workload{fmt.Sprintf("bias-relu-%dx%d", rows, n), 8 * rows * n, func() { p.Run(mem) }}
}

func normApply(b testing.TB, rows, n int) workload {
	s := &Spec{Dims: []int{rows, n}}
	x := s.Input(F32, n, 1)
	mean, variance, scale, shift := s.Input(F32, 0, 1), s.Input(F32, 0, 1), s.Input(F32, 0, 1), s.Input(F32, 0, 1)
	r := s.Do(Rsqrt, s.Do(Add, s.Do(Square, variance), s.Const(F32, 1e-5)))
	y := s.Do(Add, s.Do(Mul, s.Do(Mul, s.Do(Sub, x, mean), r), scale), shift)
	s.Store(s.Do(Max, y, s.Const(F32, 0)), n, 1)
	p := compiled(b, s)
	mem := [][]byte{floatsOf(rows * n), floatsOf(n), floatsOf(n), floatsOf(n), floatsOf(n), make([]byte, 4*rows*n)}
	return workload{"batch-norm-relu", 8 * rows * n, func() { p.Run(mem) }}
}

func reluGradient(b testing.TB, rows, n int) workload {
	s := &Spec{Dims: []int{rows, n}}
	y, g := s.Input(F32, n, 1), s.Input(F32, n, 1)
	zero := s.Const(F32, 0)
	d := s.Do(Where, s.Do(GreaterThan, y, zero), g, zero)
	s.Store(d, n, 1)
	s.Reduce(Sum, d, 0, 1)
	p := compiled(b, s)
	mem := [][]byte{floatsOf(rows * n), floatsOf(rows * n), make([]byte, 4*rows*n), make([]byte, 4*n)}
	return workload{"relu-gradient-bias", 12 * rows * n, func() { p.Run(mem) }}
}

// lstmCell takes the four gates from one matrix of 4n columns.
func lstmCell(b testing.TB, rows, n int) workload {
	s := &Spec{Dims: []int{rows, n}}
	var gate [4]Value
	for i := range gate {
		gate[i] = s.Input(F32, 4*n, 1)
	}
	c := s.Input(F32, n, 1)
	c1 := s.Do(Add, s.Do(Mul, s.Do(Logistic, gate[1]), c), s.Do(Mul, s.Do(Logistic, gate[0]), s.Do(Tanh, gate[2])))
	s.Store(c1, n, 1)
	s.Store(s.Do(Mul, s.Do(Logistic, gate[3]), s.Do(Tanh, c1)), n, 1)
	p := compiled(b, s)
	gates := floatsOf(rows * 4 * n)
	mem := [][]byte{gates, gates[4*n:], gates[8*n:], gates[12*n:], floatsOf(rows * n), make([]byte, 4*rows*n), make([]byte, 4*rows*n)}
	return workload{"lstm-cell", 4 * rows * n * 7, func() { p.Run(mem) }}
}

// crossEntropy gives the mean loss and the gradient of the logits.
func crossEntropy(b testing.TB, rows, n int) workload {
	most := &Spec{Dims: []int{rows, n}}
	most.Reduce(Maximum, most.Input(F32, n, 1), 1, 0)
	exps := &Spec{Dims: []int{rows, n}}
	e := exps.Do(Exp, exps.Do(Sub, exps.Input(F32, n, 1), exps.Input(F32, 1, 0)))
	exps.Store(e, n, 1)
	exps.Reduce(Sum, e, 1, 0)
	s := &Spec{Dims: []int{rows, n}}
	x, m, ex, sum, label := s.Input(F32, n, 1), s.Input(F32, 1, 0), s.Input(F32, n, 1), s.Input(F32, 1, 0), s.Input(I32, 1, 0)
	hit := s.Convert(s.Do(Equal, s.Iota(I32, 1), label), F32)
	s.Store(s.Do(Mul, s.Do(Sub, s.Do(Div, ex, sum), hit), s.Const(F32, 1/float64(rows))), n, 1)
	logp := s.Do(Sub, s.Do(Sub, x, m), s.Do(Log, sum))
	s.Reduce(Sum, s.Do(Mul, s.Do(Mul, hit, logp), s.Const(F32, -1/float64(rows))), 0, 0)
	p, q, r := compiled(b, most), compiled(b, exps), compiled(b, s)
	logits, peak, expo, total := floatsOf(rows*n), floatsOf(rows), floatsOf(rows*n), floatsOf(rows)
	labels := make([]int32, rows)
	for i := range labels {
		labels[i] = int32(i % n)
	}
	one, two := [][]byte{logits, peak}, [][]byte{logits, peak, expo, total}
	three := [][]byte{logits, peak, expo, total, Bytes(labels), floatsOf(rows * n), floatsOf(1)}
	return workload{"cross-entropy-256x10", 8 * rows * n, func() { p.Run(one); q.Run(two); r.Run(three) }}
}

func sgd(b testing.TB, n int) workload {
	s := &Spec{Dims: []int{n}}
	w, g := s.Input(F32, 1), s.Input(F32, 1)
	s.Store(s.Do(Sub, w, s.Do(Mul, g, s.Const(F32, 1e-9))), 1)
	p := compiled(b, s)
	weights := floatsOf(n)
	mem := [][]byte{weights, floatsOf(n), weights}
	return workload{"sgd-11m", 12 * n, func() { p.Run(mem) }}
}

func adamStep(b testing.TB, n int) workload {
	p := compiled(b, adam(n))
	w, m, v := floatsOf(n), make([]byte, 4*n), make([]byte, 4*n)
	mem := [][]byte{w, floatsOf(n), m, v, m, v, w}
	return workload{"adam-11m", 28 * n, func() { p.Run(mem) }}
}

func geluForward(b testing.TB, rows, n int) workload {
	s := &Spec{Dims: []int{rows, n}}
	s.Store(s.Do(Gelu, s.Do(Add, s.Input(F32, n, 1), s.Input(F32, 0, 1))), n, 1)
	p := compiled(b, s)
	mem := [][]byte{floatsOf(rows * n), floatsOf(n), make([]byte, 4*rows*n)}
	return workload{"bias-gelu-256x3072", 8 * rows * n, func() { p.Run(mem) }}
}

func BenchmarkLoops(b *testing.B) {
	for _, w := range workloads(b) {
		b.Run(w.name, func(b *testing.B) {
			w.run()
			for b.Loop() {
				w.run()
			}
			b.SetBytes(int64(w.bytes))
		})
	}
}

// BenchmarkRunRows is an epilogue of bias, residual and ReLU, with a product's blocks of 14 rows.
func BenchmarkRunRows(b *testing.B) {
	for _, n := range []int{10, 32, 64, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			const rows = 14 * 64
			s := &Spec{Dims: []int{rows, n}}
			x, bias, rest := s.Input(F32, n, 1), s.Input(F32, 0, 1), s.Input(F32, n, 1)
			s.Store(s.Do(Max, s.Do(Add, s.Do(Add, x, bias), rest), s.Const(F32, 0)), n, 1)
			p := compiled(b, s)
			mem := [][]byte{floatsOf(rows * n), floatsOf(n), floatsOf(rows * n), nil}
			mem[3] = mem[0]
			row := 0
			for b.Loop() {
				p.RunRows(0, row, row+14, mem)
				row = (row + 14) % rows
			}
		})
	}
}
