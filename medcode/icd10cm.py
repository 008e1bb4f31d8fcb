# Writes icd10cm.csv: the chapters and blocks of ICD-10-CM as the US National Center for Health Statistics publishes
# them (a work of the United States government), from the PyPI package simple_icd_10_cm 1.5.0.
import csv
import re

import simple_icd_10_cm as cm

with open("icd10cm.csv", "w", newline="") as f:
    out = csv.writer(f, lineterminator="\n")
    out.writerow(["chapter", "range", "title"])
    seen = set()
    for code in cm.get_all_codes(True):
        title = re.sub(r"\s*\([A-Z0-9]+(-[A-Z0-9]+)?\)\s*$", "", cm.get_description(code))
        if cm.is_chapter(code):
            chapter = code
            out.writerow([chapter, "", title])
        elif cm.is_block(code) and code not in seen:  # a block of one category is listed twice
            seen.add(code)
            out.writerow([chapter, code, title])
