#!/usr/bin/env python3
"""Galen's decoders of DICOM frames beside GDCM and pylibjpeg, in turns, each on one thread.

Usage: codec_peer.py [--rounds R] [NAME ...]     (run from the repository's root; needs numpy, pydicom, python-gdcm,
pylibjpeg-libjpeg, -openjpeg and -rle, and the commands of dcmtk, gdcm and openjpeg)
A generated slice of 512 x 512 is compressed by each transfer syntax: 16 bits of a phantom with noise, for the DCT 8 and
12 bits. In each round every program decodes it for about a third of a second, Galen by the benchmark of dicom.
Printed are the medians in milliseconds of processor time and, for each peer, the median over rounds of its time over Galen's: above 1,
Galen is faster.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
import time

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

KINDS = {  # name: bits, command with {a} in and {b} out
    "rle": (16, "gdcmconv --rle {a} {b}"),
    "jpeg-lossless-sv1": (16, "dcmcjpeg +e1 {a} {b}"),
    "jpeg-lossless-sv6": (16, "dcmcjpeg +el +sv 6 {a} {b}"),
    "jpeg-baseline": (8, "dcmcjpeg +eb +q 90 {a} {b}"),
    "jpeg-extended": (12, "dcmcjpeg +ee +q 90 {a} {b}"),
    "jpeg-ls": (16, "dcmcjpls +el {a} {b}"),
    "jpeg-ls-near": (16, "dcmcjpls +en +md 3 {a} {b}"),
    "jpeg-2000": (16, "gdcmconv --j2k {a} {b}"),
    "jpeg-2000-lossy": (16, "opj"),
}


def phantom(bits):
    rng = np.random.default_rng(11)
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    v = np.zeros((512, 512))
    body = (x / 0.85) ** 2 + (y / 0.7) ** 2 <= 1
    v[body] = 1040
    v[((x - 0.4) / 0.25) ** 2 + (y / 0.45) ** 2 <= 1] = 180
    v[((x + 0.4) / 0.25) ** 2 + (y / 0.45) ** 2 <= 1] = 180
    v[(x / 0.1) ** 2 + ((y - 0.45) / 0.12) ** 2 <= 1] = 1900
    v += body * (60 * np.sin(9 * x) * np.cos(7 * y)) + rng.normal(0, 12, v.shape) * (0.3 + body)
    if bits == 8:
        v = v / 10
    return np.clip(np.round(v), 0, 2**bits - 1).astype("<u1" if bits == 8 else "<u2")


def compress(name, folder):
    bits, command = KINDS[name]
    v = phantom(bits)
    a, b = os.path.join(folder, "in.dcm"), os.path.join(folder, name + ".dcm")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(a, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID = ds.SeriesInstanceUID = generate_uid()
    ds.PatientName, ds.PatientID, ds.Modality, ds.ConversionType = "Synthetic", "0", "OT", "WSD"
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 512, 512, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8 * v.itemsize, bits, bits - 1, 0
    ds.PixelData = v.tobytes()
    ds.save_as(a, enforce_file_format=True)
    if command == "opj":
        raw, j2k = os.path.join(folder, "in.rawl"), os.path.join(folder, "out.j2k")
        v.tofile(raw)
        subprocess.run(["opj_compress", "-i", raw, "-o", j2k, "-F", f"512,512,1,{bits},u", "-I", "-r", "8"], check=True, capture_output=True)
        with open(j2k, "rb") as f:
            stream = f.read()
        ds.PixelData = pydicom.encaps.encapsulate([stream])
        ds.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000
        ds["PixelData"].VR = "OB"
        ds.save_as(b)
    else:
        subprocess.run(command.format(a=a, b=b).split(), check=True, capture_output=True)
    ds = pydicom.dcmread(b)
    with open(os.path.join(folder, name + ".frame"), "wb") as f:
        f.write(next(iter(generate_frames(ds.PixelData, number_of_frames=1))))
    with open(os.path.join(folder, name + ".json"), "w") as f:
        json.dump({"uid": ds.file_meta.TransferSyntaxUID, "allocated": ds.BitsAllocated, "stored": ds.BitsStored}, f)
    return ds


def peers(ds):
    decoder = get_decoder(ds.file_meta.TransferSyntaxUID)
    out = {}
    for plugin in ("gdcm", "pylibjpeg"):
        if plugin in decoder.available_plugins:
            out[plugin] = lambda p=plugin: decoder.as_buffer(ds, index=0, raw=True, decoding_plugin=p)
            try:
                out[plugin]()
            except RuntimeError:  # GDCM reads no DCT of 12 bits
                del out[plugin]
    return out


def clock(f):
    f()
    n, start = 0, time.process_time()
    while time.process_time() - start < 0.35:
        f()
        n += 1
    return (time.process_time() - start) / n * 1e3


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("names", nargs="*", default=list(KINDS))
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sets = {n: compress(n, folder) for n in args.names}
        binary = os.path.join(folder, "codec.test")
        subprocess.run(["go", "test", "-c", "-o", binary, "./dicom"], check=True)
        env = dict(os.environ, GALEN_CODEC_FRAMES=folder, GOMAXPROCS="1")
        print(f"{'':20}{'Galen ms':>10}   peers: ms, ratio")
        for n, ds in sets.items():
            mine, theirs = [], {k: [] for k in peers(ds)}
            for _ in range(args.rounds):
                for k, f in peers(ds).items():
                    theirs[k].append(clock(f))
                out = subprocess.run([binary, "-test.run", "XXX", "-test.bench", f"DecodeFrames/{n}$", "-test.benchtime", "350ms"],
                                     env=env, check=True, capture_output=True, text=True, cwd="dicom").stdout
                mine.append(float(re.search(r"([\d.]+) cpu-ms/op", out).group(1)))
            line = f"{n:20}{statistics.median(mine):10.2f}   "
            for k, t in theirs.items():
                line += f"{k} {statistics.median(t):.2f}, {statistics.median(a / b for a, b in zip(t, mine)):.2f}   "
            print(line, flush=True)


main()
