"""Writes operators.json.gz: small ONNX models, one for each operator and variant, with random inputs and the outputs of
onnxruntime. Then networks made by torch.onnx, in networks.json.gz. Run in this folder; needs numpy, onnx, onnxruntime,
torch."""

import base64
import gzip
import io
import json
import os
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

warnings.simplefilter("ignore")
onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(7)
cases = []


def f(*dims):
    return rng.standard_normal(dims).astype(np.float32)


def array(a):
    a = np.asarray(a)
    if a.dtype == np.float32:
        return {"dims": list(a.shape), "floats": [float(str(x)) for x in a.ravel()]}
    return {"dims": list(a.shape), "ints": [int(x) for x in a.ravel()]}


def store(name, model, inputs):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feed = {i.name: a for i, a in zip(session.get_inputs(), inputs)}
    outputs = session.run(None, feed)
    cases.append({
        "name": name, "model": base64.b64encode(model).decode(),
        "inputs": [array(a) for a in inputs],
        "outputs": [array(o.astype(np.float32)) for o in outputs],
    })


TYPES = {np.dtype(np.float32): T.FLOAT, np.dtype(np.int32): T.INT32, np.dtype(np.int64): T.INT64, np.dtype(bool): T.BOOL, np.dtype(np.uint8): T.UINT8, np.dtype(np.int8): T.INT8}


def op(name, kind, inputs, consts=(), opset=17, outputs=1, title=None, **attrs):
    """inputs are fed; consts are initialisers behind them, None for one left out."""
    names, protos, inits, feed = [], [], [], []
    for i, a in enumerate(inputs):
        protos.append(h.make_tensor_value_info(f"x{i}", TYPES[a.dtype], list(a.shape)))
        names.append(f"x{i}")
        feed.append(a)
    for i, a in enumerate(consts):
        if a is None:
            names.append("")
            continue
        inits.append(nh.from_array(np.asarray(a), f"c{i}"))
        names.append(f"c{i}")
    outs = [f"y{i}" for i in range(outputs)]
    node = h.make_node(kind, names, outs, name=name, **attrs)
    graph = h.make_graph([node], name, protos, [onnx.ValueInfoProto(name=o) for o in outs], inits)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model)
    store(name, model.SerializeToString(), feed)


x = f(2, 3, 4)
for kind in "Abs Neg Exp Floor Ceil Round Sign Sin Cos Tan Tanh Sigmoid Erf Relu Softplus Softsign HardSwish Mish LeakyRelu Elu Celu Selu ThresholdedRelu HardSigmoid Identity Reciprocal".split():
    op(kind, kind, [2 * x], opset=18)
op("Log", "Log", [np.abs(x)])
op("Sqrt", "Sqrt", [np.abs(x)])
op("Gelu", "Gelu", [x], opset=20)
op("Gelu-tanh", "Gelu", [x], opset=20, approximate="tanh")
op("Not", "Not", [x > 0])
op("Dropout", "Dropout", [x])
op("Clip", "Clip", [x], [np.float32(-0.5), np.float32(0.25)])
op("Clip-max", "Clip", [x], [None, np.float32(0.25)])
op("Clip-6", "Clip", [x], opset=6 + 1, min=-0.3, max=0.4)
for kind in "Add Sub Mul Div".split():
    op(kind, kind, [x, f(3, 1)])
    op(kind + "-up", kind, [f(4), x])
op("Div-int", "Div", [np.array([7, -7, 9], np.int32), np.array([2, 2, -4], np.int32)])
op("Pow", "Pow", [np.abs(x), f(4)])
op("Pow-2", "Pow", [x], [np.float32(2)])
op("Mod", "Mod", [np.array([7, -7, 9], np.int64), np.array([4, 4, -4], np.int64)])
op("Mod-fmod", "Mod", [x], [np.float32(0.7)], fmod=1)
op("PRelu", "PRelu", [x], [f(3, 1)])
for kind in "And Or Xor".split():
    op(kind, kind, [x > 0, f(4) > 0])
for kind in "Equal Greater Less GreaterOrEqual LessOrEqual".split():
    op(kind, kind, [np.round(x), np.round(f(4))])
for kind in "Max Min Sum Mean".split():
    op(kind, kind, [x, f(4), f(3, 1)])
op("Where", "Where", [f(3, 1) > 0, x, f(4)])
op("Cast-int", "Cast", [3 * x], to=T.INT32)
op("Cast-bool", "Cast", [np.round(x)], to=T.BOOL)
op("Cast-half", "Cast", [np.round(x)], to=T.FLOAT16)
op("Expand", "Expand", [f(3, 1)], [np.array([2, 1, 4], np.int64)])
op("Tile", "Tile", [x], [np.array([1, 2, 3], np.int64)])
op("Reshape", "Reshape", [x], [np.array([0, -1, 2], np.int64)])
op("Flatten", "Flatten", [x], axis=2)
op("Squeeze", "Squeeze", [f(2, 1, 3, 1)], [np.array([-1], np.int64)])
op("Squeeze-all", "Squeeze", [f(2, 1, 3, 1)])
op("Squeeze-11", "Squeeze", [f(2, 1, 3)], opset=11, axes=[1])
op("Unsqueeze", "Unsqueeze", [x], [np.array([0, -1], np.int64)])
op("Unsqueeze-11", "Unsqueeze", [x], opset=11, axes=[1])
op("Transpose", "Transpose", [x], perm=[2, 0, 1])
op("Transpose-back", "Transpose", [x])
op("Concat", "Concat", [x, f(2, 1, 4)], axis=-2)
op("Split", "Split", [f(2, 7)], [np.array([3, 4], np.int64)], outputs=2, axis=1)
op("Split-even", "Split", [f(2, 6)], outputs=3, axis=1)
op("Split-18", "Split", [f(2, 7)], opset=18, outputs=3, axis=1, num_outputs=3)
i64 = lambda *v: np.array(v, np.int64)
op("Slice", "Slice", [f(5, 6)], [i64(1, -4), i64(4, 2**62), i64(0, 1), i64(1, 2)])
op("Slice-back", "Slice", [f(5, 6)], [i64(-1), i64(-(2**62)), i64(1), i64(-2)])
op("Slice-part", "Slice", [f(5, 6)], [i64(3), i64(0), i64(0), i64(-1)])
op("Slice-9", "Slice", [f(5, 6)], opset=9, starts=[1], ends=[-1], axes=[1])
op("Gather", "Gather", [x], [np.array([[0, -1], [2, 1]], np.int64)], axis=1)
op("Gather-scalar", "Gather", [x], [np.int64(-1)], axis=2)
op("Gather-fed", "Gather", [f(5, 3), np.array([[4, -5], [0, -1]], np.int64)])
op("GatherElements", "GatherElements", [f(3, 4), np.array([[0, -1], [2, 1]], np.int64)], axis=1)
op("GatherND", "GatherND", [x, np.array([[0, 1], [-1, -3]], np.int64)])
for mode in ["constant", "reflect", "edge"]:
    op("Pad-" + mode, "Pad", [f(2, 4)], [i64(0, 1, 2 if mode != "reflect" else 1, 3)], mode=mode)
op("Pad-value", "Pad", [f(2, 4)], [i64(1, -1, 0, 2), np.float32(7)])
op("Pad-axes", "Pad", [f(2, 4)], [i64(1, 2), np.float32(-1), i64(-1)], opset=18)
op("Pad-2", "Pad", [f(2, 4)], opset=7, pads=[0, 1, 0, 2], value=3.0)
op("DepthToSpace", "DepthToSpace", [f(2, 8, 3, 2)], blocksize=2)
op("DepthToSpace-CRD", "DepthToSpace", [f(2, 8, 3, 2)], blocksize=2, mode="CRD")
op("SpaceToDepth", "SpaceToDepth", [f(2, 3, 4, 6)], blocksize=2)
op("Trilu", "Trilu", [f(2, 4, 5)], [np.int64(1)], upper=0)
op("Trilu-upper", "Trilu", [f(4, 5)])
op("CumSum", "CumSum", [x], [np.int64(1)])
op("CumSum-reverse", "CumSum", [x], [np.int64(-1)], reverse=1)
op("OneHot", "OneHot", [np.array([0, 2, -1], np.int64)], [np.int64(4), np.array([-1, 2], np.float32)])
op("MatMul", "MatMul", [f(2, 3), f(3, 4)])
op("MatMul-batch", "MatMul", [f(2, 1, 3, 5), f(4, 5, 2)])
op("MatMul-vector", "MatMul", [f(3), f(2, 3, 4)])
op("MatMul-vectors", "MatMul", [f(3), f(3)])
op("Gemm", "Gemm", [f(3, 2), f(4, 3), f(4)], transA=1, transB=1, alpha=0.5, beta=2.0)
op("Gemm-plain", "Gemm", [f(2, 3), f(3, 4)])
op("Einsum", "Einsum", [f(2, 3, 4), f(2, 5, 4)], equation="bij, bkj -> bik")
for kind in "ReduceSum ReduceMax ReduceMin ReduceProd ReduceMean ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp".split():
    op(kind, kind, [x], [i64(-1, 0)], opset=18)
    op(kind + "-all", kind, [x], opset=18, keepdims=0)
    if kind != "ReduceSum":
        op(kind + "-13", kind, [x], opset=13, axes=[1], keepdims=0)
op("ReduceSum-11", "ReduceSum", [x], opset=11, axes=[1], keepdims=0)
op("ReduceSum-noop", "ReduceSum", [x], [np.array([], np.int64)], noop_with_empty_axes=1)
op("ReduceLogSum", "ReduceLogSum", [np.abs(x)], [i64(1)], opset=18)
op("ArgMax", "ArgMax", [x], axis=1)
op("ArgMin", "ArgMin", [x], axis=-1, keepdims=0)
op("Softmax", "Softmax", [x], axis=1)
op("Softmax-last", "Softmax", [x])
op("Softmax-11", "Softmax", [x], opset=11, axis=1)
op("LogSoftmax", "LogSoftmax", [x], axis=1)
op("LpNormalization", "LpNormalization", [x], axis=1)

img = f(2, 4, 7, 6)
op("Conv", "Conv", [img], [f(5, 4, 3, 2), f(5)], strides=[2, 1], pads=[1, 0, 2, 1], dilations=[1, 2])
op("Conv-fed", "Conv", [img, f(5, 4, 3, 2)])
op("Conv-group", "Conv", [img], [f(6, 2, 3, 3)], group=2, auto_pad="SAME_UPPER", strides=[2, 2])
op("Conv-lower", "Conv", [img], [f(6, 4, 2, 2)], auto_pad="SAME_LOWER")
op("Conv-depthwise", "Conv", [img], [f(8, 1, 3, 3)], group=4, pads=[1, 1, 1, 1])
op("Conv-1d", "Conv", [f(2, 3, 9)], [f(4, 3, 3)], pads=[2, 0])
op("Conv-3d", "Conv", [f(1, 2, 4, 5, 3)], [f(3, 2, 2, 3, 1), f(3)])
op("ConvTranspose", "ConvTranspose", [img], [f(4, 3, 3, 2), f(3)], strides=[2, 3], pads=[1, 0, 0, 1], output_padding=[1, 2])
op("ConvTranspose-group", "ConvTranspose", [img], [f(4, 3, 2, 2)], strides=[2, 2], group=2)
op("ConvTranspose-fed", "ConvTranspose", [img, f(4, 3, 2, 2)], strides=[2, 2], group=2)
op("ConvTranspose-dilated", "ConvTranspose", [f(2, 3, 5)], [f(3, 2, 3)], dilations=[2])
op("MaxPool", "MaxPool", [img], kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
op("MaxPool-ceil", "MaxPool", [f(1, 2, 7, 8)], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
op("MaxPool-ceil-pad", "MaxPool", [f(1, 1, 6, 5)], kernel_shape=[2, 2], strides=[2, 2], pads=[0, 1, 0, 1], ceil_mode=1)
op("MaxPool-dilated", "MaxPool", [img], kernel_shape=[2, 2], dilations=[2, 3])
op("AveragePool", "AveragePool", [img], kernel_shape=[3, 3], strides=[2, 1], pads=[1, 1, 1, 1])
op("AveragePool-include", "AveragePool", [img], kernel_shape=[3, 3], strides=[2, 1], pads=[1, 1, 1, 1], count_include_pad=1)
op("AveragePool-ceil", "AveragePool", [f(1, 2, 7, 8)], opset=19, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
op("AveragePool-1d", "AveragePool", [f(1, 2, 8)], kernel_shape=[2], strides=[2])
op("GlobalAveragePool", "GlobalAveragePool", [img])
op("GlobalMaxPool", "GlobalMaxPool", [img])
op("BatchNormalization", "BatchNormalization", [img], [f(4), f(4), f(4), np.abs(f(4))], epsilon=1e-3)
op("BatchNormalization-2d", "BatchNormalization", [f(3, 4)], [f(4), f(4), f(4), np.abs(f(4))])
op("InstanceNormalization", "InstanceNormalization", [img], [f(4), f(4)], epsilon=1e-3)
op("LayerNormalization", "LayerNormalization", [x], [f(4), f(4)])
op("LayerNormalization-axis", "LayerNormalization", [x], [f(3, 4)], axis=1, epsilon=1e-3)
op("GroupNormalization", "GroupNormalization", [img], [f(4), f(4)], opset=21, num_groups=2)
op("Resize-nearest", "Resize", [img], [None, np.array([1, 1, 2, 1.5], np.float32)], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
op("Resize-default", "Resize", [img], [None, np.array([1, 1, 2, 1.5], np.float32)])
op("Resize-ceil", "Resize", [img], [None, np.array([1, 1, 0.6, 1.7], np.float32)], nearest_mode="ceil", coordinate_transformation_mode="half_pixel")
for mode in ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]:
    op("Resize-linear-" + mode, "Resize", [img], [None, None, i64(2, 4, 10, 5)], mode="linear", coordinate_transformation_mode=mode)
op("Resize-1d", "Resize", [f(1, 2, 5)], [None, None, i64(1, 2, 9)], mode="linear")
op("Upsample", "Upsample", [img], [np.array([1, 1, 2, 2], np.float32)], opset=9)

seq = f(5, 3, 2)
for kind, gates in [("RNN", 1), ("GRU", 3), ("LSTM", 4)]:
    more = {"linear_before_reset": 1} if kind == "GRU" else {}
    outs = 3 if kind == "LSTM" else 2
    w = lambda d: [f(d, gates * 4, 2), f(d, gates * 4, 4), f(d, gates * 8)]
    op(kind, kind, [seq], w(1), outputs=outs, hidden_size=4, **more)
    op(kind + "-nobias", kind, [seq], w(1)[:2], outputs=outs, hidden_size=4, **more)
    op(kind + "-reverse", kind, [seq], w(1) + [np.array([5, 2, 3], np.int32), f(1, 3, 4)], outputs=outs, hidden_size=4, direction="reverse", **more)
    states = [f(2, 3, 4)] + ([f(2, 3, 4)] if kind == "LSTM" else [])
    op(kind + "-both", kind, [seq], w(2) + [np.array([5, 2, 3], np.int32)] + states, outputs=outs, hidden_size=4, direction="bidirectional", **more)


def chain(name, nodes, inputs, inits, outputs, opset=17):
    protos = [h.make_tensor_value_info(n, TYPES[a.dtype], ["n"] + list(a.shape)[1:] if a.ndim else []) for n, a in inputs]
    graph = h.make_graph(nodes, name, protos, [onnx.ValueInfoProto(name=o) for o in outputs], [nh.from_array(np.asarray(a), n) for n, a in inits])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=8)
    store(name, onnx.shape_inference.infer_shapes(model).SerializeToString(), [a for _, a in inputs])


n = h.make_node
chain("shapes", [
    n("Shape", ["x"], ["s"]), n("Gather", ["s", "zero"], ["b"]), n("Unsqueeze", ["b", "axis"], ["b1"]),
    n("Concat", ["b1", "rest"], ["target"], axis=0), n("Reshape", ["x", "target"], ["y"]),
    n("ConstantOfShape", ["target"], ["ones"], value=nh.from_array(np.array([1], np.float32))),
    n("Range", ["zero", "six", "one"], ["r"]), n("Cast", ["r"], ["rf"], to=T.FLOAT), n("Add", ["ones", "rf"], ["o"]),
    n("Equal", ["target", "rest2"], ["eq"]), n("Where", ["eq", "rest2", "target"], ["wh"]), n("Expand", ["o", "wh"], ["e"]),
    n("Add", ["y", "e"], ["z"]), n("Size", ["x"], ["sz"]), n("Cast", ["sz"], ["szf"], to=T.FLOAT), n("Mul", ["z", "szf"], ["out"]),
], [("x", f(2, 3, 4))], [("zero", np.int64(0)), ("axis", i64(0)), ("rest", i64(2, 6)), ("rest2", i64(1, 2, 6)), ("six", np.int64(6)), ("one", np.int64(1))], ["out"])
chain("quantised", [
    n("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), n("MatMulInteger", ["q", "w", "z", "wz"], ["m"]),
    n("Cast", ["m"], ["mf"], to=T.FLOAT), n("Mul", ["s", "ws"], ["ss"]), n("Mul", ["mf", "ss"], ["out"]),
], [("x", f(3, 8))], [("w", rng.integers(-128, 127, (8, 5)).astype(np.int8)), ("wz", np.int8(3)), ("ws", np.float32(0.01))], ["out"])
chain("dequantised", [
    n("QuantizeLinear", ["x", "s", "z"], ["q"]), n("DequantizeLinear", ["q", "s", "z"], ["d"]),
    n("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=1), n("MatMul", ["d", "wd"], ["out"]),
], [("x", f(3, 8))], [("s", np.float32(0.02)), ("z", np.uint8(128)), ("w", rng.integers(-128, 127, (8, 5)).astype(np.int8)), ("ws", np.abs(f(5))), ("wz", np.arange(5).astype(np.int8))], ["out"])
chain("layers", [  # layouts pass from one to the next
    n("Conv", ["x", "k"], ["a"], pads=[1, 1, 1, 1]), n("Mul", ["a", "scale"], ["b"]), n("Add", ["b", "plane"], ["c"]),
    n("Softmax", ["c"], ["d"], axis=1), n("Concat", ["d", "c"], ["e"], axis=1), n("Transpose", ["e"], ["g"], perm=[0, 2, 3, 1]),
    n("ReduceMean", ["e"], ["m"], axes=[1], keepdims=1), n("Slice", ["e", "one", "four", "one"], ["sl"]),
    n("ReduceSum", ["c", "two"], ["r"], keepdims=0), n("ArgMax", ["c"], ["am"], axis=1),
], [("x", f(2, 3, 5, 4))], [("k", f(6, 3, 3, 3)), ("scale", f(6, 1, 1)), ("plane", f(5, 4)), ("one", i64(1)), ("four", i64(4)), ("two", i64(2))], ["g", "m", "sl", "r", "am"])

with open("operators.json.gz", "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
    out.write(json.dumps(cases, separators=(",", ":")).encode())
print(len(cases), "operators", os.path.getsize("operators.json.gz"))

# Networks by torch.onnx.
cases = []
nn = torch.nn
torch.manual_seed(3)


def network(name, module, inputs, opset=17, dynamic=True):
    module.eval()
    for p in module.parameters():
        p.requires_grad_(False)
    for m in module.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            m.running_mean.normal_(0, 0.2)
            m.running_var.uniform_(0.5, 2)
    names = [f"in{i}" for i in range(len(inputs))]
    b = io.BytesIO()
    torch.onnx.export(module, tuple(torch.from_numpy(a) for a in inputs), b, opset_version=opset, dynamo=False, input_names=names,
                      output_names=["out"], dynamic_axes={k: {0: "batch"} for k in names} if dynamic else None)
    store(name, b.getvalue(), inputs)


class Residual(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.a, self.b = nn.Conv2d(i, o, 3, s, 1, bias=False), nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.na, self.nb = nn.BatchNorm2d(o), nn.BatchNorm2d(o)
        self.d = nn.Sequential(nn.Conv2d(i, o, 1, s, bias=False), nn.BatchNorm2d(o)) if s > 1 else nn.Identity()

    def forward(self, x):
        y = self.nb(self.b(torch.relu(self.na(self.a(x)))))
        return torch.relu(y + self.d(x))


network("resnet", nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1), Residual(8, 8, 1), Residual(8, 16, 2),
                                nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5)), [f(2, 3, 32, 40)])


class UNet(nn.Module):
    def __init__(self, learned):
        super().__init__()
        double = lambda i, o: nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.InstanceNorm2d(o, affine=True), nn.LeakyReLU(), nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())
        self.a, self.b, self.c = double(1, 4), double(4, 8), double(12 if not learned else 8, 4)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2) if learned else nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(nn.functional.max_pool2d(a, 2))
        return torch.softmax(self.out(self.c(torch.cat([a, self.up(b)], 1))), 1)


network("unet-learned", UNet(True), [f(2, 1, 8, 12)])
network("unet-linear", UNet(False), [f(2, 1, 8, 12)])


class Squeeze(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = nn.Conv2d(c, 4, 1), nn.Conv2d(4, c, 1)

    def forward(self, x):
        return x * nn.functional.hardsigmoid(self.b(torch.relu(self.a(x.mean((2, 3), keepdim=True)))))


network("mobilenet", nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Hardswish(), nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
                                   Squeeze(8), nn.Conv2d(8, 16, 1), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Dropout(), nn.Linear(16, 3)), [f(2, 3, 16, 16)])


class Bert(nn.Module):
    """Written as in the transformers library: shapes are taken from tensors, masks are added."""

    def __init__(self, own_norm):
        super().__init__()
        self.words, self.places, self.kinds = nn.Embedding(20, 16), nn.Embedding(32, 16), nn.Embedding(2, 16)
        self.q, self.k, self.v, self.o = (nn.Linear(16, 16) for _ in range(4))
        self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)
        self.n = nn.ModuleList(nn.LayerNorm(16, eps=1e-12) for _ in range(3))
        self.pool, self.own = nn.Linear(16, 16), own_norm

    def norm(self, i, x):
        if not self.own:
            return self.n[i](x)
        d = x - x.mean(-1, keepdim=True)
        return d / torch.sqrt(d.pow(2).mean(-1, keepdim=True) + 1e-6) * self.n[i].weight + self.n[i].bias

    def heads(self, x):
        return x.view(x.size()[:-1] + (4, 4)).permute(0, 2, 1, 3)

    def forward(self, ids, mask):
        place = torch.arange(ids.size(1)).unsqueeze(0).expand(ids.size(0), -1)
        kind = torch.zeros_like(ids)
        x = self.norm(0, self.words(ids) + self.places(place) + self.kinds(kind))
        bias = (1.0 - mask[:, None, None, :].float()) * -10000.0
        s = torch.matmul(self.heads(self.q(x)), self.heads(self.k(x)).transpose(-1, -2)) / 2.0 + bias
        y = torch.matmul(torch.softmax(s, -1), self.heads(self.v(x))).permute(0, 2, 1, 3).contiguous()
        x = self.norm(1, x + self.o(y.view(y.size()[:-2] + (16,))))
        x = self.norm(2, x + self.down(nn.functional.gelu(self.up(x))))
        return torch.tanh(self.pool(x[:, 0]))


ids = rng.integers(0, 20, (3, 7)).astype(np.int64)
mask = (np.arange(7)[None] < np.array([[7], [4], [5]])).astype(np.int64)
network("bert", Bert(False), [ids, mask])
network("bert-13", Bert(True), [ids, mask], opset=13)


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.r = kind(3, 6, 2, batch_first=True, bidirectional=True)
        self.o = nn.Linear(12, 2)

    def forward(self, x):
        return self.o(self.r(x)[0][:, -1])


for name, kind in [("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)]:
    network(name, Recurrent(kind), [f(3, 5, 3)])

with open("networks.json.gz", "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
    out.write(json.dumps(cases, separators=(",", ":")).encode())
print(len(cases), "networks", os.path.getsize("networks.json.gz"))
