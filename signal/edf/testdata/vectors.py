"""Writes small EDF, EDF+, BDF and BDF+ files with pyEDFlib, and what it reads from them, to vectors.json.
gaps.edf is edfplus.edf made discontinuous by hand: its second record is moved by 3.5 seconds. Run: python vectors.py.
Versions: pyEDFlib 0.1.42, numpy 2.4.6."""
import json, os
from datetime import datetime
import numpy as np, pyedflib

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(2)
kinds = {"edf.edf": pyedflib.FILETYPE_EDF, "edfplus.edf": pyedflib.FILETYPE_EDFPLUS, "bdf.bdf": pyedflib.FILETYPE_BDF, "bdfplus.bdf": pyedflib.FILETYPE_BDFPLUS}
out = {}
for name, kind in kinds.items():
    top = 32767 if "edf" in name else 8388607
    w = pyedflib.EdfWriter(name, 2, file_type=kind)
    w.setStartdatetime(datetime(2023, 4, 5, 6, 7, 8))
    w.setPatientName("Made Up")
    w.setSignalHeaders([
        {"label": "ECG II", "dimension": "mV", "sample_frequency": 20, "physical_max": 5.5, "physical_min": -4.5, "digital_max": top, "digital_min": -top - 1, "transducer": "", "prefilter": ""},
        {"label": "Resp", "dimension": "uV", "sample_frequency": 5, "physical_max": 300, "physical_min": -100, "digital_max": 2000, "digital_min": -2048, "transducer": "", "prefilter": ""},
    ])
    w.writeSamples([rng.uniform(-4.4, 5.4, 60), rng.uniform(-99, 299, 15)])
    if "plus" in name:
        w.writeAnnotation(.5, -1, "R on T")
        w.writeAnnotation(1.25, .75, "pause ü")
        w.writeAnnotation(2.9, 0, "end")
    w.close()
    r = pyedflib.EdfReader(name)
    a = r.readAnnotations()
    out[name] = {
        "start": r.getStartdatetime().isoformat(), "labels": r.getSignalLabels(), "rates": [float(x) for x in r.getSampleFrequencies()],
        "physical": [r.readSignal(i).tolist() for i in range(2)], "digital": [r.readSignal(i, digital=True).tolist() for i in range(2)],
        "annotations": [[float(t), max(0, float(d)), x] for t, d, x in zip(*a)],
    }
    r.close()
b = bytearray(open("edfplus.edf", "rb").read())
b[192:197] = b"EDF+D"
i = b.index(b"+1\x14\x14")
assert b[i + 4] == 0
b[i:i + 6] = b"+4.5\x14\x14"
i = b.index(b"+2\x14\x14")
b[i:i + 6] = b"+5.5\x14\x14"
open("gaps.edf", "wb").write(b)
json.dump(out, open("vectors.json", "w"), separators=(",", ":"))
