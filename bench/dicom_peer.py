#!/usr/bin/env python3
"""Galen's reading of DICOM series beside pydicom's, in turns.

Usage: dicom_peer.py [--rounds R] [--slices N]     (needs pydicom, numpy, python-gdcm; run from the repository's root)
A synthetic CT of 512 x 512 pixels of 16 bits is written once for each transfer syntax: explicit little endian, RLE and
JPEG lossless (compressed by GDCM). Each round reads the series with pydicom (dcmread, sort by position, stack of
pixel_array), then with Galen's benchmark (package dicom: scan, geometry checks, volume of stored values), and checks
once that both have the same voxels. pydicom runs on one thread, as its users run it, and decodes with GDCM's C++ or
with pylibjpeg where they are installed; Galen uses all processors. Printed are medians, and the median over rounds of
pydicom's time over Galen's: above 1, Galen is faster.
"""
import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time
import zlib

import gdcm
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian


def synthetic(folder, slices):
    rng = np.random.default_rng(0)
    x, y = np.linspace(-1, 1, 512)[None, :], np.linspace(-1, 1, 512)[:, None]
    os.makedirs(folder)
    for z in range(slices):
        body = x**2 / 0.7 + y**2 / 0.5 < 1
        ct = np.where(body, 40 + 20 * np.sin(20 * x) * np.cos(17 * y + z / 9) + rng.normal(0, 12, (512, 512)), -1000)
        d = Dataset()
        d.file_meta = FileMetaDataset()
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, f"2.25.1{z}"
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = "2.25.2", "2.25.3", "2.25.4"
        d.PatientName, d.PatientID, d.Modality = "Synthetic^Phantom", "SYNTH", "CT"
        d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        d.InstanceNumber = z + 1
        d.ImagePositionPatient, d.ImageOrientationPatient = [-200, -200, 1.25 * z], [1, 0, 0, 0, 1, 0]
        d.PixelSpacing, d.SliceThickness, d.RescaleSlope, d.RescaleIntercept = [0.8, 0.8], 1.25, 1, -1024
        d.WindowCenter, d.WindowWidth = [40, 400], [400, 2000]
        for i, k in enumerate(("StudyDescription", "SeriesDescription", "Manufacturer", "ManufacturerModelName", "StationName", "ProtocolName", "InstitutionName")):
            setattr(d, k, f"synthetic {i}")
        for k in ("KVP", "DataCollectionDiameter", "ReconstructionDiameter", "DistanceSourceToDetector", "DistanceSourceToPatient", "GantryDetectorTilt", "TableHeight"):
            setattr(d, k, "0")
        private = d.private_block(0x0019, "GALEN BENCH", create=True)  # scanners add about a hundred of these
        for i in range(100):
            private.add_new(i, "LO", f"value {i}")
        d.SamplesPerPixel, d.PhotometricInterpretation, d.Rows, d.Columns = 1, "MONOCHROME2", 512, 512
        d.BitsAllocated = d.BitsStored = 16
        d.HighBit, d.PixelRepresentation = 15, 0
        d.PixelData = (ct + 1024).clip(0, 4095).astype("<u2").tobytes()
        d["PixelData"].VR = "OW"
        pydicom.dcmwrite(os.path.join(folder, f"{zlib.crc32(bytes([z])):08x}-{z}.dcm"), d, enforce_file_format=True)


def compressed(source, folder, syntax):
    os.makedirs(folder)
    for name in os.listdir(source):
        r = gdcm.ImageReader()
        r.SetFileName(os.path.join(source, name))
        assert r.Read()
        c = gdcm.ImageChangeTransferSyntax()
        c.SetTransferSyntax(gdcm.TransferSyntax(syntax))
        c.SetInput(r.GetImage())
        assert c.Change()
        w = gdcm.ImageWriter()
        w.SetFileName(os.path.join(folder, name))
        w.SetFile(r.GetFile())
        w.SetImage(c.GetOutput())
        assert w.Write()


def peer(folder):
    files = [pydicom.dcmread(os.path.join(folder, f)) for f in os.listdir(folder)]
    files.sort(key=lambda d: float(d.ImagePositionPatient[2]))
    return np.stack([d.pixel_array for d in files])


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--slices", type=int, default=200)
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as top:
        native = os.path.join(top, "native")
        synthetic(native, args.slices)
        compressed(native, os.path.join(top, "rle"), gdcm.TransferSyntax.RLELossless)
        compressed(native, os.path.join(top, "jpeg-lossless"), gdcm.TransferSyntax.JPEGLosslessProcess14_1)
        test = os.path.join(top, "dicom.test")
        subprocess.run(["go", "test", "-c", "-o", test, "./dicom"], check=True)

        def galen(folder):
            env = dict(os.environ, GALEN_DICOM_SERIES=folder)
            text = subprocess.run([test, "-test.run=^$", "-test.bench=^BenchmarkSeries$", "-test.benchtime=1x"], env=env, check=True, capture_output=True, text=True).stdout
            return float(re.search(r"([\d.]+) ns/op", text).group(1)) / 1e6, int(re.search(r"(\d+) checksum", text).group(1))

        print(f"pydicom {pydicom.__version__}, {args.slices} slices of 512 x 512, {args.rounds} rounds")
        for name in ("native", "rle", "jpeg-lossless"):
            folder = os.path.join(top, name)
            total = int(peer(folder).astype(np.int64).sum())
            assert galen(folder)[1] == total, "the voxels differ"
            rows = []
            for _ in range(args.rounds):
                begin = time.perf_counter()
                peer(folder)
                p = (time.perf_counter() - begin) * 1e3
                rows.append((p, galen(folder)[0]))
            p, g = (statistics.median(c) for c in zip(*rows))
            print(f"{name}: pydicom {p:.0f} ms, Galen {g:.0f} ms, ratio {statistics.median(a / b for a, b in rows):.2f}", flush=True)


if __name__ == "__main__":
    main()
