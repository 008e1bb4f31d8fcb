package onnx

import (
	"slices"
	"strings"

	"github.com/gomlx/compute"
)

// dot writes a product: MatMul where each side has one axis of its own and one that is summed, else Einsum.
func (e *emitter) dot(r ref, lhs, rhs *tensor) *tensor {
	a, dims := r.attr.(dotAttr), e.shapesOf(r)
	lhsOwn, rhsOwn := rest(len(lhs.dims), a.lhsContract, a.lhsBatch), rest(len(rhs.dims), a.rhsContract, a.rhsBatch)
	out := e.plainOf(r, "")
	if len(a.lhsContract) != 1 || len(rhsOwn) != 1 || len(lhsOwn) == 0 || len(a.lhsBatch) > 0 && len(lhsOwn) != 1 {
		out.name = e.einsum(lhs, rhs, a, lhsOwn, rhsOwn)
		return out
	}
	x := e.full(lhs, inverse(slices.Concat(a.lhsBatch, lhsOwn, a.lhsContract)))
	y := e.full(rhs, inverse(slices.Concat(a.rhsBatch, a.rhsContract, rhsOwn)))
	names, node := e.add("MatMul", []string{e.storedName(x), e.storedName(y)}, 1)
	out.name = names[0]
	if e.counts[r] == 1 && len(dims) == 2 {
		out.maker = node
	}
	return out
}

// rest are the axes of neither list.
func rest(n int, lists ...[]int) []int {
	var own []int
	for i := range n {
		if !slices.Contains(slices.Concat(lists...), i) {
			own = append(own, i)
		}
	}
	return own
}

func (e *emitter) einsum(lhs, rhs *tensor, a dotAttr, lhsOwn, rhsOwn []int) string {
	lhs, rhs = e.full(lhs, lhs.perm), e.full(rhs, rhs.perm)
	left, right := make([]byte, len(lhs.dims)), make([]byte, len(rhs.dims))
	next := byte('a')
	var out strings.Builder
	pair := func(l, r []int, keep bool) {
		for i := range l {
			left[lhs.perm[l[i]]], right[rhs.perm[r[i]]] = next, next
			if keep {
				out.WriteByte(next)
			}
			next++
		}
	}
	pair(a.lhsBatch, a.rhsBatch, true)
	for _, i := range lhsOwn {
		left[lhs.perm[i]] = next
		out.WriteByte(next)
		next++
	}
	for _, i := range rhsOwn {
		right[rhs.perm[i]] = next
		out.WriteByte(next)
		next++
	}
	pair(a.lhsContract, a.rhsContract, false)
	return e.op("Einsum", []string{e.storedName(lhs), e.storedName(rhs)}, stringAttr("equation", string(left)+","+string(right)+"->"+out.String()))
}

// convolution writes Conv, or ConvTranspose where the input is spread, with batch and channels in front.
func (e *emitter) convolution(r ref, x, w *tensor) *tensor {
	a := r.attr.(convAttr)
	x = e.full(x, inverse(append([]int{a.axes.InputBatch, a.axes.InputChannels}, a.axes.InputSpatial...)))
	w = e.full(w, inverse(append([]int{a.axes.KernelOutputChannels, a.axes.KernelInputChannels}, a.axes.KernelSpatial...)))
	n := len(a.strides)
	op := "Conv"
	pads := make([]int, 2*n)
	kernel := make([]int, n)
	for i, axis := range a.axes.KernelSpatial {
		kernel[i] = w.dims[axis].a
	}
	attrs := []attribute{intsAttr("dilations", a.kernelDilations), intAttr("group", a.groups), intsAttr("kernel_shape", kernel)}
	if slices.Max(a.inputDilations) > 1 {
		if slices.Max(a.strides) > 1 {
			return e.unsupported(r, "a convolution with strides both ways")
		}
		op = "ConvTranspose"
		w = e.flipped(w, a.groups)
		behind := make([]int, n)
		for i := range n {
			reach := (kernel[i] - 1) * a.kernelDilations[i]
			low, high := reach-a.paddings[i][0], reach-a.paddings[i][1]
			// What the end would lose below nothing is added behind instead.
			behind[i] = max(-high, 0)
			pads[i], pads[n+i] = low, max(high, 0)
			if low < 0 || behind[i] > 0 && behind[i] >= max(a.inputDilations[i], a.kernelDilations[i]) {
				return e.unsupported(r, "a transposed convolution with padding around")
			}
		}
		attrs = append(attrs, intsAttr("output_padding", behind), intsAttr("pads", pads), intsAttr("strides", a.inputDilations))
	} else {
		for i, p := range a.paddings {
			if p[0] < 0 || p[1] < 0 {
				return e.unsupported(r, "a convolution that cuts its input")
			}
			pads[i], pads[n+i] = p[0], p[1]
		}
		attrs = append(attrs, intsAttr("pads", pads), intsAttr("strides", a.strides))
	}
	names, node := e.add(op, []string{e.storedName(x), e.storedName(w)}, 1, attrs...)
	out := e.plainOf(r, names[0])
	out.perm = inverse(append([]int{a.axes.OutputBatch, a.axes.OutputChannels}, a.axes.OutputSpatial...))
	for i, p := range out.perm {
		out.stored = slices.Clone(out.stored)
		out.stored[p] = out.dims[i]
	}
	if e.counts[r] == 1 {
		out.maker = node
	}
	return out
}

// flipped turns a kernel stored as (out, in/groups, spatial...) into that of the transposed convolution:
// (in, out/groups, spatial...), read backward.
func (e *emitter) flipped(w *tensor, groups int) *tensor {
	stored, _ := sizes(w.stored)
	o, i, spatial := stored[0]/groups, stored[1], stored[2:]
	plain := &tensor{name: w.name, known: w.known, hint: w.hint, dtype: w.dtype, dims: w.stored, perm: sequence(len(stored)), stored: w.stored}
	t := e.reshape(plain, fixedDims(append([]int{groups, o, i}, spatial...)))
	t = e.arranged(&tensor{
		name: t.name, known: t.known, hint: t.hint, dtype: t.dtype, dims: t.dims, perm: t.perm, stored: t.stored,
	}, append([]int{0, 2, 1}, sequence(len(stored) + 1)[3:]...))
	swapped := &tensor{name: t.name, known: t.known, hint: t.hint, dtype: t.dtype, dims: t.stored, perm: sequence(len(t.stored)), stored: t.stored}
	t = e.reshape(swapped, fixedDims(append([]int{groups * i, o}, spatial...)))
	axes := sequence(len(stored))[2:]
	return e.reverse(ref{&operation{kind: compute.OpTypeReverse, attr: axesAttr{axes}}, 0}, t)
}

// absorbed takes an addition to a product or a convolution up into it, as its bias, and a maximum with 0 as Relu.
func (e *emitter) absorbed(r ref, in []*tensor) *tensor {
	if len(in) != 2 {
		return nil
	}
	for i, x := range in {
		other := in[1-i]
		if v, ok := other.scalar(); ok && v == 0 && r.kind == compute.OpTypeMax {
			return e.elementwise(r, "Relu", x)
		}
		if x.maker == nil || other.known == nil || r.kind != compute.OpTypeAdd || len(x.maker.inputs) != 2 || len(other.dims) != len(x.dims) {
			continue
		}
		axis := 1 // channels of a convolution, columns of a product
		v := e.arranged(other, x.perm)
		fits := v.stored[axis] == x.stored[axis] && len(v.stored) > 1
		for a, d := range v.stored {
			fits = fits && (a == axis || d.one())
		}
		if !fits {
			continue
		}
		bias := e.restored(v, []dim{v.stored[axis]}, []int{0}, []dim{v.stored[axis]})
		x.maker.inputs = append(x.maker.inputs, e.storedName(bias))
		if x.maker.op == "MatMul" {
			x.maker.op = "Gemm"
		}
		out := *x
		out.maker = nil
		return &out
	}
	return nil
}

// window writes pooling. A sum is an average times the size of the window.
func (e *emitter) window(r ref, x *tensor) *tensor {
	a := r.attr.(windowAttr)
	n := len(x.dims)
	// Two axes without a window stand in front: the first, and the last or else the second.
	free := func(i int) bool {
		return a.window[i] == 1 && a.strides[i] == 1 && a.paddings[i] == [2]int{} && a.dilations[i] == 1
	}
	channels := n - 1
	if n > 1 && !free(channels) {
		channels = 1
	}
	if n < 3 || !free(0) || !free(channels) {
		return e.unsupported(r, "a window over the batch or the channels")
	}
	front := []int{0, channels}
	spatial := rest(n, front)
	x = e.full(x, inverse(append(front, spatial...)))
	var kernel, strides, dilations, low, high []int
	for _, i := range spatial {
		kernel, strides, dilations = append(kernel, a.window[i]), append(strides, a.strides[i]), append(dilations, a.dilations[i])
		low, high = append(low, a.paddings[i][0]), append(high, a.paddings[i][1])
	}
	attrs := []attribute{intsAttr("kernel_shape", kernel), intsAttr("pads", append(low, high...)), intsAttr("strides", strides)}
	op := "MaxPool"
	name := e.storedName(x)
	switch a.reduction {
	case compute.ReduceOpSum:
		if slices.Max(dilations) > 1 {
			return e.unsupported(r, "a sum over a window with gaps")
		}
		op, attrs = "AveragePool", append([]attribute{intAttr("count_include_pad", 1)}, attrs...)
	default:
		attrs = append([]attribute{intsAttr("dilations", dilations)}, attrs...)
	}
	if a.reduction == compute.ReduceOpMin {
		name = e.op("Neg", []string{name})
	}
	out := e.plainOf(r, e.op(op, []string{name}, attrs...))
	out.perm, out.stored = x.perm, make([]dim, n)
	for i, p := range out.perm {
		out.stored[p] = out.dims[i]
	}
	switch a.reduction {
	case compute.ReduceOpSum:
		return e.elementwise(r, "Mul", out, e.float(float32(product(kernel))))
	case compute.ReduceOpMin:
		return e.elementwise(r, "Neg", out)
	}
	return out
}
