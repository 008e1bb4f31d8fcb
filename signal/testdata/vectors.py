"""Writes vectors.json: what SciPy's filters and resampling make of a noisy sum of sines, and where NeuroKit2 finds
the R peaks of its own synthetic ECGs. Run: python vectors.py. Versions: scipy 1.17.1, numpy 2.4.6, neurokit2 0.2.13."""
import json, os
import numpy as np
import neurokit2 as nk
from scipy import ndimage, signal

rng = np.random.default_rng(3)
n = 400
t = np.arange(n) / 200
x = np.sin(2 * np.pi * 3 * t) + .4 * np.sin(2 * np.pi * 50 * t) + .2 * rng.standard_normal(n) + 5 + .7 * t
x = np.round(x, 6)
bands = [(.5, 40, 4, 200), (5, 15, 1, 200), (5, 15, 3, 360), (0, 30, 5, 200), (0, 10, 2, 200), (1, 0, 2, 200), (.67, 0, 5, 500), (0, 40, 1, 128), (20, 0, 1, 128)]
out = {"x": x.tolist(), "bands": [], "notch": [], "resample": [], "median": []}
for low, high, order, rate in bands:
    kind, edges = ("bandpass", (low, high)) if low and high else ("lowpass", high) if high else ("highpass", low)
    sos = signal.butter(order, edges, kind, fs=rate, output="sos")
    out["bands"].append({"low": low, "high": high, "order": order, "rate": rate, "y": signal.sosfiltfilt(sos, x).tolist()})
for hz, q in ((50, 30), (60, 10)):
    b, a = signal.iirnotch(hz, q, fs=200)
    out["notch"].append({"hz": hz, "quality": q, "y": signal.filtfilt(b, a, x).tolist()})
for frm, to in ((200, 100), (200, 250), (360, 250), (128, 100), (100, 500), (360.5, 250)):
    from fractions import Fraction
    r = Fraction(to).limit_denominator(10000) / Fraction(frm).limit_denominator(10000)
    line = lambda at: x[0] + (x[-1] - x[0]) / (n - 1) * at  # taken out first, so that a constant stays one to the bit
    y = signal.resample_poly(x - line(np.arange(n)), r.numerator, r.denominator)
    y += line(np.arange(len(y)) * r.denominator / r.numerator)
    out["resample"].append({"from": frm, "to": to, "y": y.tolist()})
for w in (3, 41, 121):
    out["median"].append({"width": w, "y": ndimage.median_filter(x, w, mode="nearest").tolist()})

out["ecg"] = []
for seed, rate, heart, noise in ((1, 250, 70, .01), (2, 360, 110, .05), (3, 500, 50, .1), (4, 128, 85, .05)):
    e = nk.ecg_simulate(duration=20, sampling_rate=rate, heart_rate=heart, noise=noise, method="ecgsyn", random_state=seed)
    _, info = nk.ecg_peaks(nk.ecg_clean(e, sampling_rate=rate), sampling_rate=rate)
    out["ecg"].append({"rate": rate, "x": np.round(e, 4).tolist(), "peaks": [int(p) for p in info["ECG_R_Peaks"]]})
json.dump(out, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors.json"), "w"), separators=(",", ":"))
