#!/usr/bin/env python3
"""Writes recurrent.json.gz: recurrent layers of PyTorch in float64, values and gradients, for recurrent_test.go.

The loss is the sum of y, hN (and cN), each flattened and weighted by cos(1 + i + 10 k) for element i of output k.
Numbers are rounded to eleven digits.
"""
import gzip
import json
import os

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
B, T, I, H = 3, 4, 3, 4


def flat(x):
    return {"dims": list(x.shape), "data": [float(f"{v:.11g}") for v in x.detach().reshape(-1).tolist()]}


def case(cell, layers, bidirectional, lengths):
    d = 2 if bidirectional else 1
    net = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](
        I, H, num_layers=layers, batch_first=True, bidirectional=bidirectional)
    for p in net.parameters():
        p.data = torch.randn_like(p) * 0.6
    x = torch.randn(B, T, I).requires_grad_()
    starts = [torch.randn(layers * d, B, H).requires_grad_() for _ in range(2 if cell == "lstm" else 1)]
    start = tuple(starts) if cell == "lstm" else starts[0]
    if lengths:
        y, last = net(pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False), start)
        y = pad_packed_sequence(y, batch_first=True, total_length=T)[0]
    else:
        y, last = net(x, start)
    outs = [y, *last] if cell == "lstm" else [y, last]
    loss = sum((o.reshape(-1) * torch.cos(1.0 + torch.arange(o.numel()) + 10 * k)).sum() for k, o in enumerate(outs))
    loss.backward()
    return {
        "name": f"{cell} {layers} {bidirectional} {lengths}", "cell": cell, "layers": layers, "bidirectional": bidirectional,
        "lengths": lengths, "inputs": [flat(v) for v in [x, *starts]], "dinputs": [flat(v.grad) for v in [x, *starts]],
        "outputs": [flat(o) for o in outs],
        "weights": {n: flat(p) for n, p in net.named_parameters()},
        "dweights": {n: flat(p.grad) for n, p in net.named_parameters()},
    }


cases = [case(cell, *how) for cell in ("rnn", "gru", "lstm")
         for how in ((1, False, None), (2, False, [2, 4, 1]), (2, True, [3, 1, 4]), (1, True, None))]
with gzip.GzipFile(os.path.splitext(__file__)[0] + ".json.gz", "wb", mtime=0) as f:
    f.write(json.dumps(cases).encode())
