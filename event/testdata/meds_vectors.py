"""Writes the MEDS folders of the tests with pyarrow, checked by the schemas of the package meds, and what polars counts in
them. Versions: meds 0.4.1, pyarrow 26.0.1, polars 2.1.0."""

import datetime
import json
import pathlib
import random

import meds
import polars
import pyarrow
import pyarrow.parquet

here = pathlib.Path(__file__).parent / "meds"
(here / "data" / "train").mkdir(parents=True, exist_ok=True)
(here / "data" / "held_out").mkdir(parents=True, exist_ok=True)
(here / "metadata").mkdir(exist_ok=True)
draw = random.Random(7)
begin = datetime.datetime(2019, 12, 31, 23, 59, 59, 250_000)


def subject(number):
    rows = [(number, None, "GENDER//" + draw.choice("FM"), None, None)]
    rows.append((number, datetime.datetime(1950 + number, 2, 28), meds.birth_code, None, None))
    at = begin
    for _ in range(draw.randrange(5, 40)):
        at += datetime.timedelta(microseconds=draw.randrange(1, 10**11))
        code, value, text = draw.choice([("LOINC//2345-7", 90.5, None), ("LOINC//8867-4", 80.0, None), ("ICD10CM//I214", None, None), ("NOTE", None, "positive")])
        rows.append((number, at, code, value and value + draw.randrange(100), text))
    if number % 3 == 0:
        rows.append((number, at + datetime.timedelta(days=1), meds.death_code, None, None))
    return rows


def write(path, rows, **options):
    columns = list(zip(*rows, strict=True))
    table = pyarrow.Table.from_arrays(
        [pyarrow.array(c, t) for c, t in zip(columns, [pyarrow.int64(), pyarrow.timestamp("us"), pyarrow.string(), pyarrow.float32(), pyarrow.large_string()], strict=True)],
        names=["subject_id", "time", "code", "numeric_value", "text_value"],
    )
    meds.DataSchema.validate(table)
    pyarrow.parquet.write_table(table, path, **options)


write(here / "data" / "train" / "0.parquet", [r for n in (5, 3, 9) for r in subject(n)], compression="zstd", row_group_size=20)
write(here / "data" / "train" / "1.parquet", [r for n in (1, 12) for r in subject(n)], compression="snappy", use_dictionary=False, data_page_version="2.0")
write(here / "data" / "held_out" / "0.parquet", [r for n in (2, 6) for r in subject(n)], compression="none")
splits = {1: "train", 3: "train", 5: "tuning", 9: "train", 12: "train", 2: "held_out", 6: "held_out"}
pyarrow.parquet.write_table(
    pyarrow.table({"subject_id": pyarrow.array(list(splits), pyarrow.int64()), "split": pyarrow.array(list(splits.values()), pyarrow.string())}),
    here / "metadata" / "subject_splits.parquet",
)
pyarrow.parquet.write_table(
    pyarrow.table({"code": ["LOINC//2345-7"], "description": ["Glucose"], "parent_codes": pyarrow.array([["x"]], pyarrow.list_(pyarrow.string()))}),
    here / "metadata" / "codes.parquet",
)

frame = polars.concat([polars.read_parquet(p) for p in sorted(here.glob("data/**/*.parquet"))], how="vertical_relaxed")
seconds = polars.col("time").dt.epoch("us").sum().alias("time")
answer = {
    "events": frame.height,
    "subjects": [
        {"id": str(r["subject_id"]), "events": r["events"], "time": r["time"], "value": r["value"], "values": r["values"], "split": splits[r["subject_id"]]}
        for r in frame.group_by("subject_id", maintain_order=True)
        .agg(polars.len().alias("events"), seconds, polars.col("numeric_value").cast(polars.Float64).sum().alias("value"), polars.col("numeric_value").count().alias("values"))
        .to_dicts()
    ],
    "codes": {r["code"]: r["len"] for r in frame.group_by("code").len().sort("code").to_dicts()},
}
(here / "answer.json").write_text(json.dumps(answer, indent=1) + "\n")
