"""Writes the files under vectors/ and, in vectors.json, what other programs read from them.

CSV: pandas (C engine). ARFF: scipy.io.arff. Parquet: written by pyarrow, read by pandas.
Run: python vectors.py, with numpy, pandas, scipy and pyarrow. Missing values are null in the JSON.
"""
import datetime as dt, decimal, io, json, os, uuid
import numpy as np, pandas as pd, pyarrow as pa, pyarrow.parquet as pq
from scipy.io import arff

here = os.path.dirname(os.path.abspath(__file__))
out = os.path.join(here, "vectors")
os.makedirs(out, exist_ok=True)
EPOCH = pd.Timestamp("1970-01-01")
want = {}


def cell(v):
    if v is None or v is pd.NaT or (isinstance(v, float) and np.isnan(v)):
        return None
    if isinstance(v, (bool, np.bool_)):
        return "true" if v else "false"
    if isinstance(v, (int, float, np.integer, np.floating)):
        return float(v)
    if isinstance(v, decimal.Decimal):
        return float(v)
    if isinstance(v, (pd.Timestamp, dt.datetime, dt.date)):
        t = pd.Timestamp(v)
        t = t.tz_convert(None) if t.tzinfo else t
        return (t - EPOCH) / pd.Timedelta(days=1)
    if isinstance(v, dt.time):
        return v.hour * 3600 + v.minute * 60 + v.second + v.microsecond / 1e6
    if isinstance(v, bytes):
        return v.decode()
    return str(v)


def keep(name, frame):
    want[name] = {c: [cell(v) for v in frame[c]] for c in frame.columns}


rng = np.random.default_rng(7)
n = 60

# CSV: numbers in many spellings, quoted text with delimiters, quotes and line breaks, missing cells.
spell = ["%d", "%.3f", "%.17g", "%e", "+%.1f", "%.12f"]
x = rng.normal(size=n) * 10.0 ** rng.integers(-12, 13, n)
numbers = [("" if i % 9 == 4 else spell[i % len(spell)] % x[i]) for i in range(n)]
# pandas' default parser rounds correctly since version 3.
texts = ['plain', 'a,b', 'say "so"', 'two\nlines', 'naïve µ', ' kept ', "it's", '', 'x;y|z\t.']
rows = pd.DataFrame({
    "number": numbers,
    "text": [texts[i % len(texts)] for i in range(n)],
    "zero_one": rng.integers(0, 2, n),
    "mixed": [str(i % 4) if i % 13 else "unknown" for i in range(n)],
    "big": rng.integers(0, 2**53, n),
    "day": [str(dt.date(1899, 12, 25) + dt.timedelta(days=int(d))) for d in rng.integers(0, 60000, n)],
})
for name, kw in {
    "comma.csv": dict(sep=","), "semicolon.csv": dict(sep=";", lineterminator="\r\n"),
    "tab.csv.gz": dict(sep="\t"), "bar.csv": dict(sep="|", encoding="utf-8-sig"),
    "utf16.csv": dict(sep=",", encoding="utf-16"), "latin1.csv": dict(sep=",", encoding="latin-1"),
    "bare16be.csv": dict(sep=",", encoding="utf-16-be"),
}.items():
    p = os.path.join(out, name)
    if name.endswith(".gz"):
        kw = dict(kw, compression={"method": "gzip", "mtime": 1})
    rows.to_csv(p, index=False, **kw)
    sep, enc = kw["sep"], kw.get("encoding", "utf-8")
    frame = pd.read_csv(p, sep=sep, encoding=enc, parse_dates=["day"])
    keep(name, frame)

# ARFF
with open(os.path.join(out, "all.arff"), "w") as f:
    f.write("""% a comment
@RELATION 'a name'

@attribute age numeric
@attribute 'blood pressure' REAL
@attribute sex {male, female}
@attribute 'chest pain' {'typical angina', non-anginal, none}
@attribute seen date "yyyy-MM-dd HH:mm"
@data
% another comment
""")
    for i in range(n):
        row = [
            "?" if i % 7 == 3 else "%d" % rng.integers(20, 90),
            "?" if i % 11 == 3 else "%.17g" % rng.normal(120, 20),
            ["male", "female", "?"][i % 3],
            ["'typical angina'", "non-anginal", "none", "?"][i % 4],
            '"%s"' % (dt.datetime(2001, 1, 1) + dt.timedelta(hours=int(rng.integers(0, 200000)))).strftime("%Y-%m-%d %H:%M"),
        ]
        f.write(",".join(row) + "\n")
data, meta = arff.loadarff(os.path.join(out, "all.arff"))
frame = pd.DataFrame(data)
for c in ["sex", "chest pain"]:
    frame[c] = [None if v == b"?" else v for v in frame[c]]
keep("all.arff", frame)


# Parquet: every primitive and logical type with a place in a table, with nulls, in several row groups.
def nulls(values, every):
    return [None if i % every == every - 1 else v for i, v in enumerate(values)]


D = decimal.Decimal
table = pa.table({
    "bool": pa.array(nulls([bool(i % 3) for i in range(n)], 7), pa.bool_()),
    **{str(t): pa.array(nulls([int(v) for v in rng.integers(0, 100, n)], 5), t)
       for t in [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]},
    "negative": pa.array(nulls([int(v) for v in rng.integers(-2**53, 2**53, n)], 5), pa.int64()),
    "half": pa.array(nulls(rng.normal(size=n).astype(np.float16), 6), pa.float16()),
    "float": pa.array(nulls(rng.normal(size=n), 6), pa.float32()),
    "double": pa.array(nulls(x, 8), pa.float64()),
    "required": pa.array(rng.normal(size=n), pa.float64()),
    "dec32": pa.array(nulls([D(int(v)) / 100 for v in rng.integers(-9999, 9999, n)], 9), pa.decimal128(6, 2)),
    "dec128": pa.array(nulls([D(int(v)) * D("1234567890.123456789") for v in rng.integers(-9999, 9999, n)], 9), pa.decimal128(30, 9)),
    "date": pa.array(nulls([dt.date(1960, 2, 3) + dt.timedelta(days=int(d)) for d in rng.integers(0, 30000, n)], 4), pa.date32()),
    "ms": pa.array(nulls([int(v) for v in rng.integers(-10**12, 2 * 10**12, n)], 4), pa.timestamp("ms")),
    "us": pa.array(nulls([int(v) for v in rng.integers(-10**15, 2 * 10**15, n)], 4), pa.timestamp("us", "UTC")),
    "ns": pa.array(nulls([int(v) for v in rng.integers(0, 2 * 10**18, n)], 4), pa.timestamp("ns")),
    "time_ms": pa.array(nulls([int(v) for v in rng.integers(0, 86400000, n)], 4), pa.time32("ms")),
    "time_us": pa.array(nulls([int(v) for v in rng.integers(0, 86400000000, n)], 4), pa.time64("us")),
    "string": pa.array(nulls([texts[i % 7] for i in range(n)], 10), pa.string()),
    "dictionary": pa.array(nulls(["abc"[i % 3] for i in range(n)], 10)).dictionary_encode(),
})
fields = [pa.field(f.name, f.type, nullable=f.name != "required") for f in table.schema]
table = table.cast(pa.schema(fields))
for name, kw in {
    "types.parquet": dict(version="2.6", compression="snappy", row_group_size=25),
    "v2pages.parquet": dict(version="2.6", compression="zstd", data_page_version="2.0", use_dictionary=False, data_page_size=128),
    "plain1.parquet": dict(version="1.0", compression="none", coerce_timestamps="us", allow_truncated_timestamps=True),
    "int96.parquet": dict(compression="gzip", use_deprecated_int96_timestamps=True),
}.items():
    p = os.path.join(out, name)
    pq.write_table(table, p, **kw)
    back = pq.read_table(p)
    keep(name, pd.DataFrame({c: back[c].to_pylist() if not pa.types.is_timestamp(back.schema.field(c).type)
                             else list(back[c].to_pandas()) for c in back.column_names}))

json.dump(want, open(os.path.join(here, "vectors.json"), "w"), indent=0, sort_keys=True)

# Columns that no table can hold, for the refusal.
pq.write_table(pa.table({
    "ok": [1, 2], "visits": [[1], [2, 3]], "address": [{"zip": 1}, {"zip": 2}], "raw": pa.array([b"ab", b"cd"], pa.binary(2)),
}), os.path.join(here, "nested.parquet"))
