"""Reads one generated CSV with Galen and with pandas, in turns, and prints medians.

Run from the repository's root:  python bench/table_csv.py [megabytes=250] [rounds=3]
Needs pandas and pyarrow. The file looks like a hospital's export: an identifier, a date, three categories,
whole numbers, laboratory values with few digits, two columns of full float64 precision, missing cells. It is
written once to the system's folder for temporary files and kept there for the next run.

Each reader starts in a new process and its own clock covers reading alone; all infer the columns' types.
cpu is user and system time of the whole process: the figure to compare on a machine that does other work, too.
peak is the largest resident set of the process.
"""
import os, statistics, subprocess, sys, tempfile

mb = int(sys.argv[1]) if len(sys.argv) > 1 else 250
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
path = os.path.join(tempfile.gettempdir(), f"galen-bench-{mb}.csv")

if not os.path.exists(path):
    import numpy as np
    rng = np.random.default_rng(1)
    sex, ward = ["male", "female"], [f"ward {i}" for i in range(40)]
    icd = [f"{chr(65 + i % 26)}{i % 100:02d}.{i % 10}" for i in range(2000)]
    row = 0
    with open(path + ".part", "w") as f:
        f.write("patient,admitted,sex,ward,icd10,age,sbp,dbp,heart rate (/min),glucose (mmol/L),sodium (mmol/L),"
                "potassium (mmol/L),creatinine (umol/L),crp (mg/L),lactate (mmol/L),score_a,score_b,died\n")
        while f.tell() < mb * 1_000_000:
            n = 20000
            cols = [rng.integers(0, 60000, n), rng.integers(0, 2, n), rng.integers(0, 40, n), rng.integers(0, 2000, n),
                    rng.integers(0, 100, n), rng.integers(70, 220, n), rng.integers(30, 120, n), rng.integers(30, 180, n)]
            lab = rng.lognormal(2, .5, (n, 6)).round(2).astype(str)
            lab[rng.random((n, 6)) < .15] = ""
            a, b = rng.normal(size=n), rng.random(n)
            died = rng.integers(0, 2, n)
            day = np.datetime64("2000-01-01") + (cols[0] % 9000)
            f.writelines(
                f"P{row + i:08d},{day[i]},{sex[cols[1][i]]},{ward[cols[2][i]]},{icd[cols[3][i]]},{cols[4][i]},{cols[5][i]},"
                f"{cols[6][i]},{cols[7][i]},{','.join(lab[i])},{a[i]!s},{b[i]!s},{died[i]}\n" for i in range(n))
            row += n
    os.rename(path + ".part", path)

size = os.path.getsize(path) / 1e6
peer = """
import resource, sys, time, pandas as pd
path, engine = sys.argv[1:]
u = resource.getrusage(resource.RUSAGE_SELF)
start, t = u.ru_utime + u.ru_stime, time.perf_counter()
d = pd.read_csv(path, engine=engine)
t = time.perf_counter() - t
u = resource.getrusage(resource.RUSAGE_SELF)
print(t, u.ru_utime + u.ru_stime - start, u.ru_maxrss / 1024, *d.shape)
"""
binary = os.path.join(tempfile.gettempdir(), "galen-bench-table.test")
subprocess.run(["go", "test", "-c", "-o", binary, "./table"], check=True)


def galen():
    out = subprocess.run([binary, "-test.run=TestReadOnce$", "-test.v"], env=dict(os.environ, GALEN_BENCH_CSV=path),
                         check=True, capture_output=True, text=True).stdout
    return out[out.index("once:") + 5:].split("\n")[0].split()


def pandas(engine):
    return lambda: subprocess.run([sys.executable, "-c", peer, path, engine], check=True, capture_output=True, text=True).stdout.split()


readers = {"galen": galen, "pandas, C engine": pandas("c"), "pandas, pyarrow engine": pandas("pyarrow")}
times, cpu, peaks = {r: [] for r in readers}, {r: [] for r in readers}, {}
with open(path, "rb") as f:  # so that nobody pays for a cold disk
    while f.read(1 << 24):
        pass
for _ in range(rounds):
    for name, read in readers.items():
        t, c, peak, rows, columns = read()
        times[name].append(float(t))
        cpu[name].append(float(c))
        peaks[name] = float(peak)
print(f"{size:.0f} MB, {rows} rows, {columns} columns, {os.cpu_count()} cores, median of {rounds}")
for name in readers:
    t, c = statistics.median(times[name]), statistics.median(cpu[name])
    wall, busy = (statistics.median(a / b for a, b in zip(v[name], v["galen"])) for v in (times, cpu))
    print(f"{name:24} {t:6.2f} s {size / t:5.0f} MB/s {wall:6.2f} x galen's   "
          f"cpu {c:6.2f} s {size / c:5.0f} MB/s {busy:6.2f} x galen's   peak {peaks[name]:6.0f} MB")
