"""Writes records in every format with the wfdb package, and what that package reads from them, to records/ and
vectors.json. Run: python vectors.py. Versions: wfdb 4.3.1, numpy 2.4.6.

Formats 8, 61 and 160, offsets, skews and the odd headers are written by hand, since wfdb writes none of them.
"""
import json, os, shutil
import numpy as np, wfdb

here = os.path.dirname(os.path.abspath(__file__))
out = os.path.join(here, "records")
shutil.rmtree(out, ignore_errors=True)
os.makedirs(out)
os.chdir(out)
rng = np.random.default_rng(1)


def digital(bits, n, channels=2, seed=0):
    r = np.random.default_rng(seed)
    top = 2 ** (bits - 1) - 1
    d = r.integers(-top, top + 1, (n, channels)).astype(np.int64)
    d[3, 0] = -top - 1  # the value for "no sample"
    d[4, 1] = top
    return d


def check(d):
    return ((d.astype(np.int64).sum() + 32768) % 65536) - 32768


def pack(fmt, d):
    """Packs samples by signal(5), which wfdb reads in formats 310 and 311, and does not write."""
    flat = d.reshape(-1).astype(np.int64)
    n = len(flat)
    v = np.concatenate([flat & 1023, np.zeros(-n % 3, np.int64)]).reshape(-1, 3)
    if fmt == "310":
        low, high = v[:, 0] << 1 | (v[:, 2] & 31) << 11, v[:, 1] << 1 | v[:, 2] >> 5 << 11
        b = np.stack([low & 255, low >> 8, high & 255, high >> 8], 1)
    else:
        w = v[:, 0] | v[:, 1] << 10 | v[:, 2] << 20
        b = np.stack([w & 255, w >> 8 & 255, w >> 16 & 255, w >> 24], 1)
    return b.astype(np.uint8).tobytes()


def write(name, fs, units, sig_name, d_signal, fmt, adc_gain, baseline, comments=()):
    if fmt[0] not in ("310", "311"):
        return wfdb.wrsamp(name, fs=fs, units=units, sig_name=sig_name, d_signal=d_signal, fmt=fmt, adc_gain=adc_gain, baseline=baseline, comments=list(comments))
    open(name + ".dat", "wb").write(pack(fmt[0], d_signal))
    lines = [f"{name} {d_signal.shape[1]} {fs} {len(d_signal)}"]
    for i in range(d_signal.shape[1]):
        lines.append(f"{name}.dat {fmt[0]} {adc_gain[i]}({baseline[i]})/{units[i]} 10 0 {d_signal[0, i]} {check(d_signal[:, i])} 0 {sig_name[i]}")
    open(name + ".hea", "w").write("\n".join(lines + [f"# {c}" for c in comments]) + "\n")


names = []
for fmt, bits in [("16", 16), ("24", 24), ("32", 32), ("80", 8), ("212", 12), ("310", 10), ("311", 10)]:
    for n in (30, 31, 32):
        name = f"f{fmt}_{n}"
        write(name, fs=250, units=["mV", "mmHg"], sig_name=["II", "ABP"], d_signal=digital(bits, n, 2, n), fmt=[fmt] * 2,
                    adc_gain=[200.5, 12], baseline=[0, -7], comments=["age: 61", "made up"])
        names.append(name)
    name = f"f{fmt}_one"
    write(name, fs=360.5, units=["uV"], sig_name=["a lead with spaces"], d_signal=digital(bits, 29, 2, 5)[:, :1], fmt=[fmt], adc_gain=[1000], baseline=[3])
    names.append(name)


def by_hand(name, raw, lines, comments=()):
    for file, b in raw.items():
        open(file, "wb").write(b)
    open(name + ".hea", "w").write("\n".join(lines + [f"# {c}" for c in comments]) + "\n")
    names.append(name)


d = digital(16, 40, 2, 9)
by_hand("f61", {"f61.dat": d.astype(">i2").tobytes()}, ["f61 2 500 40", f"f61.dat 61 200/mV 16 0 {d[0,0]} {check(d[:,0])} 0 V1", f"f61.dat 61 0(5)/mV 16 0 {d[0,1]} {check(d[:,1])} 0 V2"])
by_hand("f160", {"f160.dat": (d + 32768).astype("<u2").tobytes()}, ["f160 2 500 40", "f160.dat 160 200(1)/mV", "f160.dat 160 -50/mV 16 12"])
d = np.cumsum(rng.integers(-100, 100, (40, 2)), axis=0)
dif = np.diff(np.vstack([[[7, -3]], d]), axis=0)
by_hand("f8", {"f8.dat": dif.astype("i1").tobytes()}, ["f8 2 128 40 12:30:05.5 28/02/2024", f"f8.dat 8 100 12 0 7 {check(d[:,0])} 0 I", f"f8.dat 8 100 12 0 -3 {check(d[:,1])} 0 II"])
d = digital(16, 50, 3, 11)
by_hand("skew", {"skew.dat": d.astype("<i2").tobytes()}, ["skew 3 250 50"] + [f"skew.dat 16:{s} 200 16 0 {d[0,i]} {check(d[:,i])} 0 c{i}" for i, s in enumerate((0, 5, 5))])  # wfdb 4.3.1 fails on three different skews
d = digital(12, 51, 2, 12)
wfdb.wrsamp("plain212", fs=250, units=["mV"] * 2, sig_name=["I", "II"], d_signal=d, fmt=["212"] * 2, adc_gain=[200] * 2, baseline=[0, 0])
b = open("plain212.dat", "rb").read()
os.remove("plain212.dat"), os.remove("plain212.hea")
by_hand("offset", {"offset.dat": b"\x01" * 37 + b}, ["offset 2 250 51", "offset.dat 212+37 200 12 0 0", "offset.dat 212+37 200 12 0 0"])
by_hand("nolength", {"nolength.dat": b}, ["nolength 2", "nolength.dat 212", "nolength.dat 212"])
frames = rng.integers(-1000, 1000, (20, 7))
by_hand("rates", {"rates.dat": frames.astype("<i2").tobytes()}, ["rates 3 60 20", "rates.dat 16x4 200 16 0 0", "rates.dat 16x2 100(-4)/mmHg 16 0 0", "rates.dat 16 10/mV"])
two = digital(16, 30, 2, 14)
by_hand("files", {"files1.dat": two[:, 0].astype("<i2").tobytes(), "files2.dat": two[:, 1].astype(">i2").tobytes()}, ["files 2 250 30", "files1.dat 16 200/mV", "files2.dat 61 200/mV"])

# Segments: fixed layout, and a variable one with a gap and a signal that a segment lacks.
for k, n in enumerate((30, 20)):
    d = digital(16, n, 2, 20 + k)
    wfdb.wrsamp(f"fix_{k}", fs=250, units=["mV"] * 2, sig_name=["I", "II"], d_signal=d, fmt=["16"] * 2, adc_gain=[200] * 2, baseline=[0, 4])
by_hand("fixed", {}, ["fixed/2 2 250 50", "fix_0 30", "fix_1 20"])
by_hand("var_layout", {}, ["var_layout 3 250 0", "~ 0 200/mV 0 0 0 0 0 I", "~ 0 200/mV 0 0 0 0 0 II", "~ 0 10/mmHg 0 0 0 0 0 ABP"])
names.pop()
wfdb.wrsamp("var_0", fs=250, units=["mV", "mmHg"], sig_name=["II", "ABP"], d_signal=digital(16, 25, 2, 30), fmt=["16"] * 2, adc_gain=[200, 10], baseline=[0, 4])
wfdb.wrsamp("var_1", fs=250, units=["mV"], sig_name=["I"], d_signal=digital(12, 15, 2, 31)[:, :1], fmt=["212"], adc_gain=[100], baseline=[9])
by_hand("variable", {}, ["variable/4 3 250 50", "var_layout 0", "var_0 25", "~ 10", "var_1 15"])



def columns(name, **how):
    r = wfdb.rdrecord(name, smooth_frames=False, **how)
    return r.e_p_signal if how["physical"] else r.e_d_signal


def numbers(signals):
    return [[None if np.isnan(x) else float(x) for x in c] for c in signals]


vectors = {}
for name in names:
    h = wfdb.rdheader(name)
    p = wfdb.rdrecord(name)
    v = {"rate": p.fs, "names": p.sig_name, "comments": list(p.comments or []), "physical": numbers(columns(name, physical=True))}
    if not isinstance(h, wfdb.MultiRecord):
        if "61" not in h.fmt:  # of which wfdb 4.3.1 gives no digital values: it trips over their byte order
            v["digital"] = [[int(x) for x in c] for c in columns(name, physical=False, return_res=32)]
        if name not in ("f8", "nolength"):
            v["range"] = numbers(columns(name, physical=True, sampfrom=7, sampto=18))
    if p.base_datetime:
        v["start"] = p.base_datetime.isoformat(timespec="microseconds")
    vectors[name] = v

# Annotations: every standard symbol, long steps, notes, subtypes, channels, numbers.
symbols = [s for s in wfdb.io.annotation.ann_label_table["symbol"] if s != " "]
n = len(symbols)
sample = np.cumsum(np.concatenate([rng.integers(1, 900, n - 3), [5000, 2_000_000, 1]]))
notes = ["" for _ in symbols]
notes[2], notes[7], notes[11] = "(AFIB", "odd", "even"
wfdb.wrann("ann", "atr", sample=sample, symbol=symbols, subtype=rng.integers(0, 4, n), chan=rng.integers(0, 3, n), num=rng.integers(0, 3, n), aux_note=notes, fs=360)
custom = [(45, "X", "my beat"), (46, "Y", "my wave")]
import pandas as pd
wfdb.wrann("custom", "qrs", sample=np.array([10, 20, 30]), symbol=["X", "N", "Y"], custom_labels=custom, fs=128.5)
wfdb.wrann("plain", "qrs", sample=np.array([0, 20, 1500, 1500]), symbol=["N", "V", "A", "+"], aux_note=["", "", "", "(N"])
anns = {}
for rec, ext in (("ann", "atr"), ("custom", "qrs"), ("plain", "qrs")):
    a = wfdb.rdann(rec, ext)
    anns[f"{rec}.{ext}"] = {"rate": a.fs, "sample": [int(x) for x in a.sample], "symbol": list(a.symbol), "subtype": [int(x) for x in a.subtype],
                            "chan": [int(x) for x in a.chan], "num": [int(x) for x in a.num], "aux": [x.rstrip("\x00") for x in a.aux_note]}
json.dump({"records": vectors, "annotations": anns}, open(os.path.join(here, "vectors.json"), "w"), separators=(",", ":"))
