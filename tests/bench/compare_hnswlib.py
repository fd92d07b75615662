#!/usr/bin/env python3
"""Compares isobath's index with hnswlib on the same vectors, one query at a time on one thread, alternating.

    pip install numpy pyarrow hnswlib==0.8.0
    cargo build --release -p isobath-query --example index_bench
    python tests/bench/compare_hnswlib.py --wordnet DIR --clustered DIR --work DIR [--check] [SET ...]

DIR of --wordnet holds base_f16.parquet, query.fbin and gt_query.ibin; DIR of --clustered what
gen_clustered.py wrote (base.fbin, query.fbin, gt_query.ibin). SET: wordnet, dot, clustered, sorted; default
all whose data is given. Built indexes are kept in --work. Times are CPU times of the searching thread, so that
other load on the machine does not count; the best of the rounds is taken. Prints a table, then JSON.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import time

import numpy as np

LISTS = "0,14,20,28,40,56,80,112,160,240,400"
EFS = [10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 400, 700, 1200]
RECALLS = [0.95, 0.99, 0.999]


def read(path, dtype):
    with open(path, "rb") as f:
        n, d = np.fromfile(f, np.uint32, 2)
        return np.fromfile(f, dtype, int(n) * int(d)).reshape(n, d)


def write(path, array):
    if not path.exists():
        with open(path, "wb") as f:
            np.array(array.shape, np.uint32).tofile(f)
            array.tofile(f)
    return path


def exact(base, queries, score, k=100):
    """The k rows of the smallest score per query."""
    best = []
    for q in queries:
        s = score(base, q)
        near = np.argpartition(s, k)[:k]
        best.append(near[np.argsort(s[near], kind="stable")])
    return np.array(best, np.uint32)


class Data:
    """Vectors with queries and exact answers, as files and in memory."""

    def __init__(self, work, name, metric, space, base, queries, truth, m=16, ef_construction=200):
        self.name, self.metric, self.space, self.base, self.queries = name, metric, space, base, queries
        self.m, self.ef_construction, self.truth = m, ef_construction, truth
        self.dir = work / name
        self.dir.mkdir(parents=True, exist_ok=True)
        kind = "f16bin" if base.dtype == np.float16 else "fbin"
        self.base_file = write(self.dir / f"base.{kind}", base)
        self.query_file = write(self.dir / "query.fbin", queries)
        self.truth_file = write(self.dir / "truth.ibin", truth)


def wordnet(work, source):
    import pyarrow.parquet as pq

    column = pq.read_table(source / "base_f16.parquet", columns=["vector"])["vector"].combine_chunks()
    base = column.values.to_numpy(zero_copy_only=False).astype(np.float16).reshape(len(column), -1)
    queries, truth = read(source / "query.fbin", np.float32), read(source / "gt_query.ibin", np.uint32)
    return Data(work, "wordnet", "cosine_distance", "ip", base, queries, truth)


def dot(work, source):
    """The same with lognormal norms, sought by the dot product."""
    plain = wordnet(work, source)
    factor = np.random.default_rng(1).lognormal(0, 0.5, len(plain.base)).astype(np.float32)
    base = (plain.base.astype(np.float32) * factor[:, None]).astype(np.float16)
    wide = base.astype(np.float32)
    truth = exact(wide, plain.queries, lambda b, q: -(b @ q))
    return Data(work, "dot", "dot_product", "ip", base, plain.queries, truth)


def clustered(work, source):
    base, queries = read(source / "base.fbin", np.float32), read(source / "query.fbin", np.float32)
    truth = read(source / "gt_query.ibin", np.uint32)
    big = len(base) >= 1_000_000
    m, ef = (32, 400) if big else (16, 200)
    return Data(work, f"clustered-{len(base)}", "euclidean_squared", "l2", base, queries, truth, m, ef)


def sorted_rows(work, source):
    """The clustered rows, neighbours next to each other."""
    plain = clustered(work, source)
    centres = plain.base[np.random.default_rng(2).choice(len(plain.base), 512, replace=False)]
    norms = (centres**2).sum(1)
    nearest = np.concatenate([
        np.argmin(norms - 2 * (plain.base[a : a + 20000] @ centres.T), axis=1) for a in range(0, len(plain.base), 20000)
    ])
    order = np.argsort(nearest, kind="stable")
    place = np.empty(len(order), np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    name = f"sorted-{len(order)}"
    return Data(work, name, plain.metric, plain.space, plain.base[order], plain.queries, place[plain.truth])


class Ours:
    def __init__(self, bench, data, again=""):
        self.bench, self.data, self.dir = bench, data, data.dir / f"isobath{again}"
        figures = data.dir / f"isobath{again}.json"
        if not figures.exists():
            out = self.run("build", data.base_file, self.dir, data.metric, 1)
            figures.write_text(json.dumps(out[0]))
        self.built = json.loads(figures.read_text())

    def run(self, *args):
        out = subprocess.run([self.bench, *map(str, args)], check=True, capture_output=True, text=True).stdout
        return [json.loads(line) for line in out.splitlines()]

    def search(self):
        d = self.data
        found = self.run("search", d.base_file, self.dir, d.query_file, d.truth_file, 3, LISTS)
        return [(p["list"] or 0, p["recall"], p["queries_per_second"]) for p in found]


class Hnswlib:
    def __init__(self, data):
        import hnswlib

        self.data, file = data, data.dir / f"hnswlib-{data.m}-{data.ef_construction}"
        self.index = hnswlib.Index(data.space, data.base.shape[1])
        figures = file.with_suffix(".json")
        if figures.exists():
            self.index.load_index(str(file))
        else:
            self.index.init_index(len(data.base), M=data.m, ef_construction=data.ef_construction, random_seed=1)
            start = time.process_time()
            self.index.add_items(data.base.astype(np.float32), num_threads=1)
            seconds = time.process_time() - start
            self.index.save_index(str(file))
            figures.write_text(json.dumps({"cpu_seconds": seconds, "bytes": file.stat().st_size}))
        self.built = json.loads(figures.read_text())
        self.index.set_num_threads(1)

    def search(self):
        points, d = [], self.data
        for ef in EFS:
            self.index.set_ef(ef)
            start = time.process_time()
            ids, _ = self.index.knn_query(d.queries, k=10, num_threads=1)
            seconds = time.process_time() - start
            right = sum(len(np.intersect1d(a, b)) for a, b in zip(ids, d.truth[:, :10]))
            points.append((ef, right / ids.size, len(ids) / seconds))
        return points


def merge(best, points):
    """Keeps the best speed of each setting."""
    for setting, recall, speed in points:
        old = best.get(setting, (recall, 0))
        best[setting] = (recall, max(speed, old[1]))


def at(points, recall):
    """Speed at a recall, between the two settings around it; None if it is out of reach."""
    line = sorted((r, s) for setting, (r, s) in points.items() if setting)
    loss = lambda r: math.log(max(1 - r, 1e-5))
    reached = [i for i, (r, _) in enumerate(line) if r >= recall]
    if not reached:
        return None
    i = reached[0]
    if i == 0 or line[i][0] == line[i - 1][0]:
        return line[i][1]
    (r0, s0), (r1, s1) = line[i - 1], line[i]
    share = (loss(recall) - loss(r0)) / (loss(r1) - loss(r0))
    return math.exp(math.log(s0) + share * (math.log(s1) - math.log(s0)))


def compare(bench, data, rounds):
    ours, theirs = Ours(bench, data), Hnswlib(data)
    mine, other = {}, {}
    for _ in range(rounds):
        merge(mine, ours.search())
        merge(other, theirs.search())
    speeds = {str(r): (at(mine, r), at(other, r)) for r in RECALLS}
    return {
        "set": data.name,
        "rows": len(data.base),
        "dim": data.base.shape[1],
        "bits": ours.built["meta"]["bits"],
        "hnswlib": f"M={data.m} efC={data.ef_construction}",
        "queries_per_second": {r: {"isobath": a, "hnswlib": b} for r, (a, b) in speeds.items()},
        "ratio": {r: a / b if a and b else None for r, (a, b) in speeds.items()},
        "recall_at_default_settings": mine[0][0],
        "best_recall": {"isobath": max(r for r, _ in mine.values()), "hnswlib": max(r for r, _ in other.values())},
        "build_cpu_ratio": ours.built["cpu_seconds"] / theirs.built["cpu_seconds"],
        "build_cpu_seconds": {"isobath": ours.built["cpu_seconds"], "hnswlib": theirs.built["cpu_seconds"]},
        "size_ratio": ours.built["bytes"] / theirs.built["bytes"],
        "points": {"isobath": mine, "hnswlib": other},
    }


def table(results):
    number = lambda v: "–" if v is None else f"{v:,.0f}"
    ratio = lambda v: "–" if v is None else f"{v:.1f}"
    print("| data | recall | isobath QPS | hnswlib QPS | ratio | default recall | build CPU | size |")
    print("|---|---|---|---|---|---|---|---|")
    for r in results:
        for recall, speeds in r["queries_per_second"].items():
            print(
                f"| {r['set']}, {r['rows']:,} × {r['dim']}, {r['bits']} bits, {r['hnswlib']} | {recall} "
                f"| {number(speeds['isobath'])} | {number(speeds['hnswlib'])} | {ratio(r['ratio'][recall])} "
                f"| {r['recall_at_default_settings']:.4f} | {r['build_cpu_ratio']:.2f} | {r['size_ratio']:.2f} |"
            )


def misses(results):
    """What falls short of the targets."""
    for r in results:
        name, small = r["set"], r["dim"] < 256
        targets = [("recall at default settings", r["recall_at_default_settings"], ">=", 0.97)]
        targets.append(("size", r["size_ratio"], "<=", 0.45 if small else 0.25))
        if r["hnswlib"] == "M=16 efC=200":
            targets.append(("build CPU", r["build_cpu_ratio"], "<=", 0.25))
        if name == "wordnet":
            targets.append(("speed at 0.99", r["ratio"]["0.99"] or 0, ">=", 4))
        if r["rows"] >= 1_000_000 and name.startswith("clustered"):
            targets.append(("speed at 0.99", r["ratio"]["0.99"] or math.inf, ">=", 1.7))
            targets.append(("best recall", r["best_recall"]["isobath"], ">=", 0.999))
        for what, value, sense, target in targets:
            if (value < target) if sense == ">=" else (value > target):
                yield f"{name}: {what} is {value:.3f}, the target {sense} {target}"


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--bench", default="target/release/examples/index_bench")
    args.add_argument("--wordnet", type=pathlib.Path)
    args.add_argument("--clustered", type=pathlib.Path)
    args.add_argument("--work", type=pathlib.Path, required=True)
    args.add_argument("--rounds", type=int, default=3)
    args.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    args.add_argument("sets", nargs="*", metavar="SET")
    args = args.parse_args()
    makers = {}
    if args.wordnet:
        makers |= {"wordnet": (wordnet, args.wordnet), "dot": (dot, args.wordnet)}
    if args.clustered:
        makers |= {"clustered": (clustered, args.clustered), "sorted": (sorted_rows, args.clustered)}
    results = []
    for name in args.sets or makers:
        make, source = makers[name]
        results.append(compare(args.bench, make(args.work, source), args.rounds))
        print(f"{name} done", file=sys.stderr)
    table(results)
    print(json.dumps(results))
    missed = list(misses(results))
    print("\n".join(missed) or "all targets met", file=sys.stderr)
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
