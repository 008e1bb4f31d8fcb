"""Maps by Captum and by hand in PyTorch, for saliency_test.go: python3 peer.py > peer.json
Weights and images come from formulas that the test repeats, so that none are stored. Double precision."""
import json, math, zlib
import captum, torch
import torch.nn.functional as F
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion

torch.set_default_dtype(torch.float64)


def noise(n, name):
    k = zlib.crc32(name.encode()) % 1000
    i = torch.arange(n, dtype=torch.float64)
    x = torch.sin(12.9898 * i + 78.233 * k + 1) * 43758.5453
    return (x - torch.floor(x)).to(torch.float32).to(torch.float64) * 2 - 1


def weight(name, *dims):
    """As the network's own layout has it: kernels (spatial..., in, out), dense layers (in, out)."""
    v = noise(math.prod(dims), name).reshape(dims)
    if name.endswith("running_var"):
        return 1 + v / 2
    if name.endswith("weight") and len(dims) == 1:
        return 1 + v / 4
    if name.endswith("weight"):
        return (v * math.sqrt(6 / math.prod(dims[:-1]))).to(torch.float32).to(torch.float64)
    return (v / 8).to(torch.float32).to(torch.float64)


def conv(x, name, kernel, out, **kw):
    n = x.dim() - 2
    w = weight(name + ".weight", *[kernel] * n, x.shape[1], out)
    w = w.permute(n + 1, n, *range(n))
    bias = weight(name + ".bias", out) if kw.pop("bias", True) else None
    return (F.conv2d if n == 2 else F.conv3d)(x, w, bias, **kw)


def norm(x, name):
    c = x.shape[1]
    g = lambda k: weight(f"{name}.{k}", c)
    return F.batch_norm(x, g("running_mean"), g("running_var"), g("weight"), g("bias"), False, 0, 1e-5)


def dense(x, name, out):
    return x @ weight(name + ".weight", x.shape[1], out) + weight(name + ".bias", out)


class Net(torch.nn.Module):
    def __init__(self, body, head):
        super().__init__()
        self.body, self.features, self.head = body, torch.nn.Identity(), head

    def forward(self, x):
        return self.head(self.features(self.body(x)))


def basic():
    def body(x):
        for i, w in enumerate([32, 64]):
            x = F.max_pool2d(F.relu(conv(x, f"conv{i+1}", 3, w, padding=1)), 2)
        return x

    def head(x):
        x = x.permute(0, 2, 3, 1).flatten(1)
        return dense(F.relu(dense(x, "dense1", 128)), "dense2", 3)

    return Net(body, head)


def resnet():
    def block(x, name, out, stride):
        y = F.relu(norm(conv(x, name + ".conv1", 3, out, stride=stride, padding=1, bias=False), name + ".bn1"))
        y = norm(conv(y, name + ".conv2", 3, out, padding=1, bias=False), name + ".bn2")
        if stride != 1 or x.shape[1] != out:
            x = norm(conv(x, name + ".downsample.conv", 1, out, stride=stride, bias=False), name + ".downsample.norm")
        return F.relu(x + y)

    def body(x):
        x = F.relu(norm(conv(x, "conv1", 3, 4, padding=1, bias=False), "bn1"))
        for i in range(4):
            for j in range(2):
                x = block(x, f"layer{i+1}.{j}", 4 << i, 2 if i > 0 and j == 0 else 1)
        return x

    return Net(body, lambda x: dense(x.flatten(2).mean(2), "fc", 3))


def solid():
    def body(x):
        x = F.max_pool3d(F.relu(conv(x, "conv1", 3, 4, padding=1)), 2)
        return F.relu(conv(x, "conv2", 3, 6, padding=1))

    return Net(body, lambda x: dense(x.flatten(2).mean(2), "fc", 2))


def channels_last(x):
    return x.permute(0, *range(2, x.dim()), 1)


def cases(name, net, dims, classes, patch, stride):
    spatial, channels = dims[:-1], dims[-1]
    x = noise(math.prod(dims), "image").reshape(1, *dims)
    x = x.permute(0, len(dims), *range(1, len(dims)))
    out = {"name": name, "dims": dims, "logits": net(x)[0].tolist(), "patch": patch, "stride": stride, "classes": []}
    mode = "bilinear" if len(spatial) == 2 else "trilinear"
    for k in classes:
        cam = LayerGradCam(net, net.features).attribute(x, target=k, relu_attributions=True)
        up = F.interpolate(cam, spatial, mode=mode, align_corners=False)
        ig, delta = IntegratedGradients(net).attribute(x, torch.zeros_like(x), target=k, n_steps=50, return_convergence_delta=True)
        oc = Occlusion(net).attribute(x, (channels, *patch), (channels, *stride), baselines=0, target=k)
        case = {"class": k, "gradcam": up[0, 0].flatten().tolist(), "ig": ig[0].sum(0).flatten().tolist(), "delta": float(delta),
                "occlusion": oc[0, 0].flatten().tolist()}
        if name != "basic-cnn":  # class activation maps by hand: features times the dense layer's weights
            f = net.body(x)[0]
            w = weight("fc.weight", f.shape[0], len(out["logits"]))[:, k]
            m = torch.tensordot(w, f, 1) / f[0].numel()
            up = F.interpolate(m[None, None], spatial, mode=mode, align_corners=False) * m.numel() / math.prod(spatial)
            case["cam"] = up.flatten().tolist()
        out["classes"].append(case)
    return out


def rounded(v):
    if isinstance(v, float):
        return float(f"{v:.7g}")
    if isinstance(v, list):
        return [rounded(x) for x in v]
    if isinstance(v, dict):
        return {k: rounded(x) for k, x in v.items()}
    return v


print(json.dumps(rounded({
    "made_by": f"captum {captum.__version__}, torch {torch.__version__}",
    "nets": [
        cases("basic-cnn", basic(), [12, 10, 2], [0, 2], [4, 4], [2, 2]),
        cases("resnet18", resnet(), [16, 16, 1], [1], [8, 4], [4, 2]),
        cases("solid", solid(), [6, 8, 4, 1], [0, 1], [2, 4, 2], [2, 2, 1]),
    ]}), separators=(",", ":")))
