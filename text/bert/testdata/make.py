"""Makes a tiny random BERT with transformers, and what it says of a few texts.

Run with: python make.py    (torch, transformers, tokenizers, onnx from PyPI; versions are written to cases.json)

Writes safetensors/ and onnx/, each with a tokenizer, and cases.json: ids and hidden states.
"""
import json, os, shutil, torch, transformers
from tokenizers.implementations import BertWordPieceTokenizer
from transformers import BertConfig, BertForMaskedLM

here = os.path.dirname(os.path.abspath(__file__))
words = "[PAD] [UNK] [CLS] [SEP] [MASK] the patient has no fever cough and heart fail ##ure ##s a . , 高 血 压 d ##is ##ease of ##er chest pain".split()
config = dict(vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, max_position_embeddings=24, type_vocab_size=2)
texts = ["The patient has no fever.", "高血压, heart failure and chest pain", "cough", "the the the the the the the the the the the the the the the the the the"]
cases = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__}, "texts": texts}

for name, act in (("safetensors", "gelu"), ("tanh", "gelu_new")):
    torch.manual_seed(7)
    d = f"{here}/{name}"
    os.makedirs(d, exist_ok=True)
    open(f"{d}/vocab.txt", "w", encoding="utf-8").write("".join(w + "\n" for w in words))
    model = BertForMaskedLM(BertConfig(hidden_act=act, **config)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * .3)  # far from what layers start with, so that a mix-up shows
    model.save_pretrained(d, safe_serialization=True)
    for f in ("generation_config.json",):
        if os.path.exists(f"{d}/{f}"): os.remove(f"{d}/{f}")
    tok = BertWordPieceTokenizer(vocab=f"{d}/vocab.txt", lowercase=True)
    out = []
    for t in texts:
        ids = tok.encode(t).ids
        with torch.no_grad():
            h = model.bert(torch.tensor([ids])).last_hidden_state[0]
        out.append({"ids": ids, "hidden": [round(float(v), 6) for v in h.flatten()]})
    cases[name] = out
    if name == "safetensors":
        o = f"{here}/onnx"
        os.makedirs(o, exist_ok=True)
        shutil.copy(f"{d}/vocab.txt", o)
        shutil.copy(f"{d}/config.json", o)
        class Encoder(torch.nn.Module):
            def __init__(self, m): super().__init__(); self.m = m
            def forward(self, input_ids, attention_mask, token_type_ids):
                return self.m(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state
        model.bert.config._attn_implementation = "eager"
        ids = torch.tensor([tok.encode(texts[0]).ids])
        axes = {k: {0: "batch", 1: "pieces"} for k in ("input_ids", "attention_mask", "token_type_ids", "last_hidden_state")}
        torch.onnx.export(Encoder(model.bert), (ids, torch.ones_like(ids), torch.zeros_like(ids)), f"{o}/model.onnx",
            input_names=["input_ids", "attention_mask", "token_type_ids"], output_names=["last_hidden_state"], dynamic_axes=axes, opset_version=17, dynamo=False)
json.dump(cases, open(f"{here}/cases.json", "w", encoding="utf-8"), ensure_ascii=True)
