"""Times rules and entity recognition of Galen beside medspaCy on the NegEx sentences, in turn, each on one thread.

Run in diagnosis/text with: GALEN_DATA=... python testdata/beside_medspacy.py [rounds]    (medspacy from PyPI)

Galen: BenchmarkSentences of bench_test.go: sentences, a learned tagger, assertions. medspaCy: sentences (PyRuSH), its
target matcher with the mentions of the same 600 sentences, ConText. The ratio of CPU seconds is what counts on a busy
machine; wall seconds are given too.
"""
import gzip, logging, os, re, resource, statistics, subprocess, sys, time
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import warnings; warnings.filterwarnings("ignore")
import medspacy
from medspacy.ner import TargetRule
logging.disable(logging.CRITICAL)
try:
    from loguru import logger; logger.remove()
except ImportError:
    pass

data = os.environ["GALEN_DATA"]
sentences = [l.rstrip("\n").split("\t")[2] for l in open(f"{data}/text/negex_annotations.txt", encoding="utf-8", errors="replace")][1:]
mentions, words, current, n = set(), [], [], 0
for line in gzip.open(f"{data}/text/ncbi-disease/train.tsv.gz", "rt", encoding="utf-8"):
    line = line.rstrip("\n")
    w, y = line.split("\t") if line else ("", "O")
    if y[0] != "I" and current: mentions.add(" ".join(current)); current = []
    if y[0] != "O": current.append(w)
    if not line:
        n += 1
        if n == 600: break
nlp = medspacy.load(enable=["medspacy_pyrush", "medspacy_target_matcher", "medspacy_context"])
nlp.get_pipe("medspacy_target_matcher").add([TargetRule(m, "DISEASE") for m in sorted(mentions)])

def peer():
    t, c = time.perf_counter(), time.process_time()
    found = sum(len(nlp(s).ents) for s in sentences)
    return len(sentences) / (time.perf_counter() - t), len(sentences) / (time.process_time() - c), found

def galen():
    env = dict(os.environ, GOMAXPROCS="1")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(["./note.test", "-test.run", "^$", "-test.bench", "Sentences", "-test.benchtime", "5x"], env=env, capture_output=True, text=True, check=True).stdout
    value = lambda unit: float(re.search(r"([\d.]+) " + unit + r"(\s|$)", out)[1])
    return value("sentences/s"), value("sentences/CPU-s"), value("entities")

subprocess.run(["go", "test", "-c", "-o", "note.test", "."], check=True)
wall, cpu = [], []
for k in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
    g, gc, gn = galen()
    p, pc, pn = peer()
    wall.append(g / p); cpu.append(gc / pc)
    print(f"round {k+1}: sentences a second of wall and of CPU time: Galen {g:.0f}, {gc:.0f} ({gn:.0f} entities); medspaCy {p:.0f}, {pc:.0f} ({pn} entities)", flush=True)
print(f"median ratio {statistics.median(wall):.1f} by wall time; {statistics.median(cpu):.1f} by CPU time")
