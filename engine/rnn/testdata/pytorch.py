#!/usr/bin/env python3
"""Writes pytorch.json: recurrences of PyTorch (float64), values and all gradients, for pytorch_test.go.

Each case is bidirectional, with sequences of several lengths; "plain" cases have full lengths. The loss is the
sum of the outputs y, hN, cN weighted by dy, dhN, dcN.
"""
import json
import os

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
B, T, I, H = 4, 5, 3, 5


def flat(x):
    return [float(f"{v:.9g}") for v in x.detach().reshape(-1).tolist()]


def case(cell, lengths):
    net = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](I, H, batch_first=True, bidirectional=True)
    for p in net.parameters():
        torch.nn.init.normal_(p, 0, 0.6)
    x, h0, c0 = (torch.randn(*s).requires_grad_() for s in ((B, T, I), (2, B, H), (2, B, H)))
    dy, dh, dc = torch.randn(B, T, 2 * H), torch.randn(2, B, H), torch.randn(2, B, H)
    packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    y, last = net(packed, (h0, c0) if cell == "lstm" else h0)
    y = pad_packed_sequence(y, batch_first=True, total_length=T)[0]
    hn, cn = last if cell == "lstm" else (last, None)
    loss = (y * dy).sum() + (hn * dh).sum()
    if cell == "lstm":
        loss = loss + (cn * dc).sum()
    loss.backward()
    out = {"cell": cell, "lengths": lengths, "x": flat(x), "dx": flat(x.grad), "directions": []}
    for d, suffix in enumerate(("", "_reverse")):
        one = {"h0": flat(h0[d]), "y": flat(y[:, :, d * H:(d + 1) * H]), "hN": flat(hn[d]),
               "dy": flat(dy[:, :, d * H:(d + 1) * H]), "dhN": flat(dh[d]), "dh0": flat(h0.grad[d])}
        if cell == "lstm":
            one |= {"c0": flat(c0[d]), "cN": flat(cn[d]), "dcN": flat(dc[d]), "dc0": flat(c0.grad[d])}
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            p = getattr(net, f"{name}_l0{suffix}")
            one[name], one["d" + name] = flat(p), flat(p.grad)
        out["directions"].append(one)
    return out


cases = [case(cell, lengths) for cell in ("rnn", "gru", "lstm") for lengths in ([T] * B, [3, 5, 1, 4])]
with open(os.path.splitext(__file__)[0] + ".json", "w") as f:
    json.dump({"torch": torch.__version__, "shape": [B, T, I, H], "cases": cases}, f)
    f.write("\n")
