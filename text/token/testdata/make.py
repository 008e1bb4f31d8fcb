"""Trains tiny vocabularies on the NCBI disease texts and writes what Hugging Face's tokenizers make of sentences.

Run with: GALEN_DATA=... python make.py    (tokenizers and transformers from PyPI; versions are written to cases.json)

Writes wordpiece/ (vocab.txt, tokenizer.json), bpe/ (vocab.json, merges.txt, tokenizer.json), and cases.json: the ids of
some strange texts, and SHA-256 hashes of the ids of 10,000 sentences made of the NCBI sentences and their variants.
"""
import gzip, hashlib, json, os, random, re
import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

data = os.environ["GALEN_DATA"]
here = os.path.dirname(os.path.abspath(__file__))

def sentences():
    out = []
    for part in ("train", "devel", "test"):
        words = []
        for line in gzip.open(f"{data}/text/ncbi-disease/{part}.tsv.gz", "rt", encoding="utf-8"):
            line = line.rstrip("\n")
            if not line:
                if words: out.append(" ".join(words))
                words = []
            else:
                words.append(line.split("\t")[0])
        if words: out.append(" ".join(words))
    return out

base = sentences()
train = base[:3000]
accents = str.maketrans("aeioucn", "áéîöúçñ")
def variant(k, s):  # the same in the Go test
    m = k % 5
    if m == 0: return s.upper()
    if m == 1: return s.translate(accents)
    if m == 2: return s.replace(" ", "  ").replace(",", ",\t")
    if m == 3: return s.replace("e", "患者e").replace(" ( ", "(").replace(" ) ", ")")
    return s.replace(" ", "\n") + " don't we'll 'S İ ß ǆ ½ ٣ 🙂\u200b\u0301 [SEP] <|endoftext|>"
texts = list(base)
k = 0
while len(texts) < 10000:
    texts.append(variant(k, base[k])); k += 1

wp = Tokenizer(models.WordPiece(unk_token="[UNK]"))
wp.normalizer = normalizers.BertNormalizer()
wp.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
wp.train_from_iterator(train, trainers.WordPieceTrainer(vocab_size=1500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
wp.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
os.makedirs(f"{here}/wordpiece", exist_ok=True)
wp.save(f"{here}/wordpiece/tokenizer.json", pretty=False)
vocab = sorted(wp.get_vocab().items(), key=lambda kv: kv[1])
open(f"{here}/wordpiece/vocab.txt", "w", encoding="utf-8").write("".join(w + "\n" for w, _ in vocab))

cased = Tokenizer(models.WordPiece(dict(vocab), unk_token="[UNK]"))
cased.normalizer = normalizers.BertNormalizer(lowercase=False)
cased.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
cased.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
cased.post_processor = wp.post_processor

bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.train_from_iterator(train, trainers.BpeTrainer(vocab_size=1500, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
bpe.post_processor = processors.ByteLevel(trim_offsets=False)
os.makedirs(f"{here}/bpe", exist_ok=True)
bpe.model.save(f"{here}/bpe")
bpe.save(f"{here}/bpe/tokenizer.json", pretty=False)

strange = ["", " ", "  two  spaces ", "Crohn's disease", "CRÉPITUS naïve façade", "高血压患者", "a\u0000b\ufffdc", "x\u200by", "[SEP] [MASK]", "a[CLS]b",
    "don't won't we'll I'd it's 'T", "tab\there\r\nline", "3.5 mg/kg q.i.d.", "İstanbul ẞ", "🙂 emoji", "e\u0301", "a" * 101, "a" * 100, "½ ² ٣", "한국어", "<|endoftext|>x", "\u00a0nbsp\u2003em",
    "№ ﬁ Å", "ﺍﻟﻌﺮﺑﻴﺔ", "१२३", "\ue000 private", "\u0378 unassigned", "a\u00adb soft hyphen", "``quotes''", "—dash–", "~^`|"]

def record(t):
    h = hashlib.sha256(); offsets = hashlib.sha256()
    enc = t.encode_batch(texts)
    for e in enc:
        h.update((",".join(map(str, e.ids)) + "\n").encode())
    return {"hash": h.hexdigest(), "sample": [enc[i].ids for i in range(0, 10000, 1000)], "strange": [t.encode(s).ids for s in strange]}

json.dump({"versions": {"tokenizers": tokenizers.__version__}, "texts": strange, "sentences": len(texts), "wordpiece": record(wp), "cased": record(cased), "bpe": record(bpe)},
    open(f"{here}/cases.json", "w", encoding="utf-8"), ensure_ascii=True, indent=0)
