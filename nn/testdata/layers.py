#!/usr/bin/env python3
"""Writes layers.json.gz: values and gradients of layers and losses, computed by PyTorch in float64.

Arrays are in the layout of package nn: channels last, kernels (spatial..., in, out), dense weights (in, out). The
functions below permute them for PyTorch, so that gradients come out in nn's layout. The gradients are those of the
sum over all outputs of output[i] * cos(1 + i + 10 * k), i the flat index, k the number of the output.
Made with PyTorch 2.15 and torchvision's definition of the focal loss.
"""
import gzip, json, math, os
import torch, torch.nn as nn, torch.nn.functional as F
from torch.func import functional_call

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
cases = []


def R(*dims, scale=1.0):
    return torch.randn(*dims) * scale


def array(t):
    t = t.detach()
    return {"dims": list(t.shape), "data": t.reshape(-1).tolist(), "int": not t.dtype.is_floating_point}


def case(name, fn, inputs, weights=None, states=None):
    weights = weights or {}
    leaves = [t.clone().requires_grad_(t.dtype.is_floating_point) for t in inputs]
    w = {k: v.clone().requires_grad_(True) for k, v in weights.items()}
    st = {k: v.clone() for k, v in (states or {}).items()}
    outs = fn(*leaves, **({"w": w} if weights else {}), **({"st": st} if states else {}))
    if not isinstance(outs, (list, tuple)):
        outs = [outs]
    loss = 0
    for k, o in enumerate(outs):
        i = torch.arange(o.numel(), dtype=torch.float64)
        loss = loss + (o.reshape(-1) * torch.cos(1 + i + 10 * k)).sum()
    wanted = [t for t in leaves if t.requires_grad] + list(w.values())
    grads = list(torch.autograd.grad(loss, wanted, allow_unused=True))
    zero = lambda g, t: torch.zeros_like(t) if g is None else g
    dx = [array(zero(grads.pop(0), t)) if t.requires_grad else None for t in leaves]
    dw = {k: array(zero(g, v)) for (k, v), g in zip(w.items(), grads)}
    cases.append({"name": name, "inputs": [array(t) for t in inputs], "weights": {k: array(v) for k, v in weights.items()},
                  "states": {k: array(v) for k, v in (states or {}).items()}, "outputs": [array(o) for o in outs],
                  "dinputs": dx, "dweights": dw, "after": {k: array(v) for k, v in st.items()}})


first = lambda x: x.movedim(-1, 1)
last = lambda x: x.movedim(1, -1)
flip = lambda w: w.permute(w.dim() - 1, w.dim() - 2, *range(w.dim() - 2))  # (spatial..., a, b) to (b, a, spatial...)
lin = lambda x, w, p="": F.linear(x, w[p + "weight"].T, w.get(p + "bias"))
conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
convt = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def convolution(n, **o):
    return lambda x, w: last(conv[n](first(x), flip(w["weight"]), w.get("bias"), **o))


def transposed(n, **o):
    return lambda x, w: last(convt[n](first(x), flip(w["weight"]), w.get("bias"), **o))


case("dense", lambda x, w: lin(x, w), [R(2, 3, 4)], {"weight": R(4, 5), "bias": R(5)})
case("dense no bias", lambda x, w: lin(x, w), [R(3, 4)], {"weight": R(4, 2)})
case("conv1d", convolution(1), [R(2, 6, 3)], {"weight": R(3, 3, 4), "bias": R(4)})
case("conv1d causal dilated", lambda x, w: last(F.conv1d(F.pad(first(x), (4, 0)), flip(w["weight"]), w["bias"], dilation=2)), [R(1, 7, 2)], {"weight": R(3, 2, 2), "bias": R(2)})
case("conv2d padded strided", convolution(2, stride=2, padding=1), [R(2, 5, 6, 2)], {"weight": R(3, 3, 2, 3), "bias": R(3)})
case("conv2d same", convolution(2, padding="same"), [R(1, 4, 5, 2)], {"weight": R(2, 3, 2, 3), "bias": R(3)})
case("conv2d dilated", convolution(2, dilation=(2, 1), padding=(2, 0)), [R(1, 5, 4, 2)], {"weight": R(3, 2, 2, 3), "bias": R(3)})
case("conv2d strided dilated", convolution(2, dilation=2, stride=2, padding=2), [R(1, 7, 6, 1)], {"weight": R(3, 3, 1, 2)})
case("conv2d grouped", convolution(2, groups=2, padding=1), [R(1, 4, 3, 4)], {"weight": R(3, 3, 2, 6), "bias": R(6)})
case("conv2d depthwise", convolution(2, groups=3, stride=2), [R(2, 5, 5, 3)], {"weight": R(3, 3, 1, 3), "bias": R(3)})
case("conv3d", convolution(3, stride=(2, 1, 1), padding=1), [R(1, 3, 4, 3, 2)], {"weight": R(3, 3, 3, 2, 2), "bias": R(2)})
case("transpose1d", transposed(1, stride=2, padding=1, output_padding=1), [R(2, 4, 3)], {"weight": R(3, 2, 3), "bias": R(2)})
case("transpose2d", transposed(2, stride=2, padding=1), [R(1, 3, 4, 3)], {"weight": R(4, 4, 2, 3), "bias": R(2)})
case("transpose2d from one", transposed(2), [R(2, 1, 1, 3)], {"weight": R(3, 3, 2, 3)})
case("transpose2d dilated", transposed(2, dilation=2, stride=(1, 3), padding=(3, 1)), [R(1, 6, 3, 2)], {"weight": R(2, 3, 3, 2), "bias": R(3)})
case("transpose2d grouped", transposed(2, groups=2, stride=2), [R(1, 2, 3, 4)], {"weight": R(2, 2, 3, 4), "bias": R(6)})
case("transpose3d", transposed(3, stride=2), [R(1, 2, 2, 3, 2)], {"weight": R(2, 2, 2, 2, 2), "bias": R(2)})

case("max pool", lambda x: last(F.max_pool2d(first(x), 2)), [R(2, 4, 5, 2)])
case("max pool overlapping", lambda x: last(F.max_pool2d(first(x), 3, 2, 1)), [R(1, 6, 5, 2)])
case("max pool 1d", lambda x: last(F.max_pool1d(first(x), 2, 1)), [R(2, 5, 2)])
case("max pool 3d", lambda x: last(F.max_pool3d(first(x), 2)), [R(1, 4, 2, 3, 2)])
case("average pool", lambda x: last(F.avg_pool2d(first(x), 3, 2, 1)), [R(1, 5, 6, 2)])
case("average pool 3d", lambda x: last(F.avg_pool3d(first(x), 2)), [R(1, 4, 3, 2, 2)])
case("global pools", lambda x: [first(x).mean((2, 3)), F.adaptive_max_pool2d(first(x), 1).flatten(1)], [R(2, 3, 4, 2)])
case("upsample", lambda x: last(F.interpolate(first(x), scale_factor=2, mode="nearest")), [R(1, 2, 3, 2)])

affine = lambda c: {"weight": 1 + R(c, scale=0.3), "bias": R(c)}
stats = lambda c: {"running_mean": R(c), "running_var": 0.5 + torch.rand(c)}
batch = lambda training: lambda x, w, st: last(F.batch_norm(first(x), st["running_mean"], st["running_var"], w["weight"], w["bias"], training))
case("batch norm training", batch(True), [R(3, 2, 4, 3) + 2], affine(3), stats(3))
case("batch norm inference", batch(False), [R(3, 2, 4, 3)], affine(3), stats(3))
case("batch norm dense training", batch(True), [R(5, 3)], affine(3), stats(3))
case("instance norm", lambda x, w: last(F.instance_norm(first(x), weight=w["weight"], bias=w["bias"])), [R(2, 3, 4, 3) * 3], affine(3))
case("instance norm plain", lambda x: last(F.instance_norm(first(x))), [R(2, 5, 3)])
case("group norm", lambda x, w: last(F.group_norm(first(x), 2, w["weight"], w["bias"])), [R(2, 3, 2, 6)], affine(6))
case("layer norm", lambda x, w: F.layer_norm(x, (5,), w["weight"], w["bias"]), [R(2, 3, 5)], affine(5))
case("layer norm epsilon", lambda x: F.layer_norm(x, (5,), eps=0.1), [R(4, 5)])

spots = torch.cat([R(20), torch.tensor([0.0, 30.0, -30.0])])
for name, f in {"relu": F.relu, "leaky-relu": F.leaky_relu, "elu": F.elu, "gelu": F.gelu, "silu": F.silu, "sigmoid": torch.sigmoid,
                "tanh": torch.tanh, "softplus": lambda x: F.softplus(x, threshold=100)}.items():
    case("activation " + name, f, [spots])
case("softmax", lambda x: F.softmax(x, -1), [R(2, 3, 5) * 4])
case("embedding", lambda i, w: F.embedding(i, w["weight"]), [torch.tensor([[1, 0, 3], [3, 3, 2]], dtype=torch.int32)], {"weight": R(4, 3)})
case("embedding padding", lambda i, w: F.embedding(i, w["weight"], padding_idx=0) * (i != 0)[..., None], [torch.tensor([[1, 0, 3], [3, 0, 2]], dtype=torch.int32)], {"weight": R(4, 3)})


def attention(heads, **o):
    def fn(q, k, v, *keep, w):
        m = nn.MultiheadAttention(q.shape[-1], heads, batch_first=True, kdim=k.shape[-1], vdim=v.shape[-1])
        p = {"q_proj_weight": w["q.weight"].T, "k_proj_weight": w["k.weight"].T, "v_proj_weight": w["v.weight"].T,
             "in_proj_bias": torch.cat([w["q.bias"], w["k.bias"], w["v.bias"]]), "out_proj.weight": w["out.weight"].T, "out_proj.bias": w["out.bias"]}
        if m.in_proj_weight is not None:
            p = {"in_proj_weight": torch.cat([p.pop(n + "_proj_weight") for n in "qkv"]), **p}
        mask = {}
        if keep:
            mask["key_padding_mask"] = keep[0] == 0
        if o.get("causal"):
            mask["attn_mask"] = torch.triu(torch.ones(q.shape[1], k.shape[1]), 1).bool()
        return functional_call(m, p, (q, k, v), {"need_weights": False, **mask})[0]
    return fn


def maps(width, k, v):
    w = {}
    for name, i in {"q": width, "k": k, "v": v, "out": width}.items():
        w[name + ".weight"], w[name + ".bias"] = R(i, width, scale=0.5), R(width)
    return w


present = torch.tensor([[1, 1, 0, 1, 0], [1, 0, 0, 1, 1]], dtype=torch.int32)
case("attention", attention(2), [R(2, 3, 4), R(2, 5, 3), R(2, 5, 2)], maps(4, 3, 2))
case("attention masked", attention(2), [R(2, 3, 4), R(2, 5, 4), R(2, 5, 4), present], maps(4, 4, 4))
case("attention causal", attention(1, causal=True), [R(2, 4, 2)] * 3, maps(2, 2, 2))


def encoder(pre, act):
    def fn(x, w):
        m = nn.TransformerEncoderLayer(4, 2, 6, dropout=0, activation=act, batch_first=True, norm_first=pre)
        p = {"self_attn.in_proj_weight": torch.cat([w["attention." + n + ".weight"].T for n in "qkv"]),
             "self_attn.in_proj_bias": torch.cat([w["attention." + n + ".bias"] for n in "qkv"]),
             "self_attn.out_proj.weight": w["attention.out.weight"].T, "self_attn.out_proj.bias": w["attention.out.bias"]}
        for n in ("linear1", "linear2"):
            p[n + ".weight"], p[n + ".bias"] = w[n + ".weight"].T, w[n + ".bias"]
        for n in ("norm1", "norm2"):
            p[n + ".weight"], p[n + ".bias"] = w[n + ".weight"], w[n + ".bias"]
        return functional_call(m, p, (x,))
    return fn


layer = {"attention." + k: v for k, v in maps(4, 4, 4).items()}
layer |= {"linear1.weight": R(4, 6), "linear1.bias": R(6), "linear2.weight": R(6, 4), "linear2.bias": R(4)}
for n in ("norm1", "norm2"):
    layer |= {n + "." + k: v for k, v in affine(4).items()}
case("encoder post-norm", encoder(False, "relu"), [R(2, 3, 4)], layer)
case("encoder pre-norm", encoder(True, "gelu"), [R(2, 3, 4)], layer)


def temporal(x, w):
    y = first(x)
    for i in (1, 2):
        y = F.relu(F.conv1d(F.pad(y, (2 * 2, 0)), flip(w[f"conv{i}.weight"]), w[f"conv{i}.bias"], dilation=2))
    return last(F.relu(y + F.conv1d(first(x), flip(w["downsample.weight"]), w["downsample.bias"])))


case("temporal block", temporal, [R(2, 6, 2)], {"conv1.weight": R(3, 2, 3), "conv1.bias": R(3), "conv2.weight": R(3, 3, 3), "conv2.bias": R(3),
                                               "downsample.weight": R(1, 2, 3), "downsample.bias": R(3)})

# A molecule of three atoms in a chain and one of two, every bond in both directions (D-MPNN, as in Chemprop).
source, target = torch.tensor([0, 1, 1, 2, 3, 4], dtype=torch.int32), torch.tensor([1, 0, 2, 1, 4, 3], dtype=torch.int32)
back, owner = torch.tensor([1, 0, 3, 2, 5, 4], dtype=torch.int32), torch.tensor([0, 0, 0, 1, 1], dtype=torch.int32)


def message_passing(atoms, bonds, source, target, back, owner, w):
    h0 = torch.cat([atoms[source], bonds], 1) @ w["input.weight"]
    h = F.relu(h0)
    for _ in range(2):
        at = torch.zeros(5, 4).index_add(0, target, h)
        h = F.relu(h0 + (at[source] - h[back]) @ w["hidden.weight"])
    at = torch.zeros(5, 4).index_add(0, target, h)
    v = F.relu(torch.cat([atoms, at], 1) @ w["output.weight"] + w["output.bias"])
    total = torch.zeros(2, 4).index_add(0, owner, v)
    return [v, total, total / torch.tensor([[3.0], [2.0]])]


case("message passing", message_passing, [R(5, 3), R(6, 2), source, target, back, owner],
     {"input.weight": R(5, 4), "hidden.weight": R(4, 4), "output.weight": R(7, 4), "output.bias": R(4)})

# Losses.
labels = torch.tensor([0, 2, 1, 3, 2], dtype=torch.int32)
ce = lambda **o: lambda z, y: F.cross_entropy(z, y.long(), **o)
cw = torch.tensor([0.5, 2.0, 1.0, 3.0])
case("cross-entropy", ce(), [R(5, 4) * 3, labels])
case("cross-entropy weights", ce(weight=cw), [R(5, 4), labels])
case("cross-entropy smoothing", ce(label_smoothing=0.1), [R(5, 4), labels])
gaps = torch.tensor([0, -1, 1, 3, -1], dtype=torch.int32)
case("cross-entropy everything", ce(weight=cw, label_smoothing=0.2, ignore_index=-1), [R(5, 4), gaps])
case("cross-entropy images", lambda z, y: F.cross_entropy(first(z), y.long(), ignore_index=2), [R(2, 3, 2, 3), torch.randint(0, 3, (2, 3, 2)).int()])
far = R(6, 2) * 3
far[0, 0] = 0
soft = torch.rand(6, 2)
hard = (torch.rand(6, 2) > 0.5).double()
case("binary", lambda z, t: F.binary_cross_entropy_with_logits(z, t), [far, soft])
case("binary weights", lambda z, t: F.binary_cross_entropy_with_logits(z, t, pos_weight=torch.tensor([2.0, 0.5])), [far, hard])
case("binary missing", lambda z, t, k: F.binary_cross_entropy_with_logits(z[k == 1], t[k == 1]), [far, hard, (torch.rand(6, 2) > 0.3).int()])


def focal(gamma, alpha):
    def fn(z, t):
        p = torch.sigmoid(z)
        loss = F.binary_cross_entropy_with_logits(z, t, reduction="none") * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
        if alpha:
            loss = (alpha * t + (1 - alpha) * (1 - t)) * loss
        return loss.mean()
    return fn


case("focal", focal(2, 0.25), [R(6, 2), hard])
case("focal fraction", focal(1.5, 0), [R(6, 2), soft])


def dice(p, t, axes):
    return 1 - ((2 * (p * t).sum(axes) + 1e-5) / (p.sum(axes) + t.sum(axes) + 1e-5)).mean()


seg = torch.randint(0, 3, (2, 3, 4)).int()
hot = F.one_hot(seg.long(), 3).double()
case("dice", lambda z, y: dice(z.softmax(-1)[..., 1:], hot[..., 1:], (1, 2)) + F.cross_entropy(first(z), y.long()), [R(2, 3, 4, 3), seg])
case("dice batch background", lambda z, y: dice(z.softmax(-1), hot, (0, 1, 2)), [R(2, 3, 4, 3), seg])
case("dice ignore", lambda z, y: dice((z.softmax(-1) * (y != 1)[..., None])[..., 1:], (hot * (y != 1)[..., None])[..., 1:], (1, 2))
     + F.cross_entropy(first(z), y.long(), ignore_index=1), [R(2, 3, 4, 3), seg])
case("dice regions", lambda z, t: 0.5 * dice(z.sigmoid(), t, (1, 2)) + 2 * F.binary_cross_entropy_with_logits(z, t), [R(2, 3, 4, 2), (torch.rand(2, 3, 4, 2) > 0.5).double()])
case("mse", lambda a, b: F.mse_loss(a, b), [R(3, 2), R(3, 2)])
case("mae", lambda a, b: F.l1_loss(a, b), [R(3, 2), R(3, 2)])
case("huber", lambda a, b: F.huber_loss(a, b, delta=0.7), [R(3, 4), R(3, 4)])
case("hinge", lambda a: (1 - a * (2 * hard - 1)).clamp(min=0).mean(), [R(6, 2)])
cases[-1]["inputs"].append(array(2 * hard - 1))
cases[-1]["dinputs"].append(None)

times = torch.tensor([3.0, 1.0, 3.0, 5.0, 2.0, 3.0, 2.0, 8.0])
events = torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0])


def cox(efron):
    def fn(eta):
        total = 0
        for t in sorted(set(times[events == 1].tolist())):
            died = eta[(times == t) & (events == 1)]
            risk = eta[times >= t].exp().sum()
            for l in range(len(died)):
                total = total + torch.log(risk - (l / len(died) * died.exp().sum() if efron else 0))
            total = total - died.sum()
        return total / events.sum()
    return fn


for efron in (False, True):
    case("cox efron" if efron else "cox breslow", cox(efron), [R(8)])
    cases[-1]["inputs"] += [array(times), array(events)]
    cases[-1]["dinputs"] += [None, None]


def hazard(z, interval, died):
    total = 0
    for i in range(len(z)):
        k = int(interval[i])
        y = torch.zeros(k + 1)
        y[k] = float(died[i])
        total = total + F.binary_cross_entropy_with_logits(z[i, : k + 1], y, reduction="sum")
    return total / len(z)


case("discrete hazard", hazard, [R(4, 5), torch.tensor([0, 4, 2, 3], dtype=torch.int32), torch.tensor([1, 0, 1, 0], dtype=torch.int32)])


def contrast(z, y, t=0.1):
    z = F.normalize(z, dim=1)
    s = z @ z.T / t
    total, count = 0, 0
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        friends = [j for j in others if y[j] == y[i]]
        if friends:
            total = total - sum(s[i, j] - torch.logsumexp(s[i, others], 0) for j in friends) / len(friends)
            count += 1
    return total / count


case("contrast", contrast, [R(6, 3), torch.tensor([0, 1, 0, 1, 2, 0], dtype=torch.int32)])
case("nt-xent", lambda a, b: contrast(torch.cat([a, b]), list(range(3)) * 2, 0.5), [R(3, 4), R(3, 4)])

# A critic of a Wasserstein GAN: a convolution, leaky ReLU, a transposed convolution, leaky ReLU, a dense layer.
mix = torch.tensor([0.3, 0.8])


def penalty(real, made, w):
    def critic(x):
        y = F.leaky_relu(F.conv2d(first(x), flip(w["c.weight"]), w["c.bias"], 2, 1), 0.2)
        y = last(F.leaky_relu(F.conv_transpose2d(y, flip(w["t.weight"]), w["t.bias"], 2), 0.2))
        return y.flatten(1) @ w["d.weight"] + w["d.bias"]
    a = mix.view(2, 1, 1, 1)
    x = a * real + (1 - a) * made
    slope = torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]
    return critic(made).mean() - critic(real).mean() + 10 * ((slope.flatten(1).norm(2, 1) - 1) ** 2).mean()


case("gradient penalty", penalty, [R(2, 4, 4, 2), R(2, 4, 4, 2)],
     {"c.weight": R(3, 3, 2, 3), "c.bias": R(3), "t.weight": R(2, 2, 2, 3), "t.bias": R(2), "d.weight": R(32, 1), "d.bias": R(1)})

with gzip.GzipFile(os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.json.gz"), "wb", mtime=0) as f:
    f.write(json.dumps(cases).encode())
