"""Loads the sample data through the official client, and measures how well it is found.

Columnar batches of 5,000 at default settings. Recall@10 plain and under each of the three filters of the
data, while the index is being built and again when all rows lie in one part. Prints JSON, then one line;
fails where recall is below the targets.
"""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import wordnet
from harness.node import Node, local_bucket
from harness.process import wait_until
from harness.servers import Minio, Missing, Toxiproxy, directory_bytes, skip

NAMESPACE = "wordnet"
BATCH = 5000
TARGETS = {"plain": 0.97, "pos_v": 0.95, "domain_1pct": 0.95, "lemmas_ge3": 0.95}


def main() -> int:
    args = parse()
    try:
        sample = wordnet.load(args.rows)
        with tempfile.TemporaryDirectory(prefix="isobath-load-") as home:
            report = run(args, sample, Path(home))
    except (FileNotFoundError, Missing) as missing:
        return skip(missing)
    except AssertionError as violation:
        print(f"FAILED load {args.rows} rows, {args.store}: {violation}")
        return 1
    print(json.dumps(report, indent=2))
    low = below_target(report)
    load = report["load"]
    print(f"load {args.rows} rows, {args.store}: {load['rows_per_s']} rows/s, "
          f"indexed after {report['indexed_after_s']} s, " + ("; ".join(low) or "recall as it should be"))
    return 1 if low else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2000, help="how many; 2000 needs no other data")
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    parser.add_argument("--added-ms", type=int, default=0, help="delay of MinIO's answers")
    parser.add_argument("--queries", type=int, default=200, help="how many, of each kind")
    parser.add_argument("--settle-s", type=float, default=900, help="the longest wait for one part")
    return parser.parse_args()


def run(args: argparse.Namespace, sample: wordnet.Sample, home: Path) -> dict:
    if args.store == "file":
        return measure(args, sample, Node(local_bucket(home / "bucket"), home / "node"), home / "bucket")
    minio = Minio(home / "minio")
    port = minio.port
    if args.added_ms:
        port = Toxiproxy(home / "toxiproxy").delay(minio.port, args.added_ms)
    return measure(args, sample, Node(minio.bucket_at(port), home / "node"), minio.data / "isobath")


def measure(args: argparse.Namespace, sample: wordnet.Sample, node: Node, bucket: Path) -> dict:
    node.start()
    namespace = node.client().namespace(NAMESPACE)
    load = upsert(namespace, sample)
    loaded = time.monotonic()
    was_building = not indexed(namespace)
    while_building = recall(namespace, sample, args.queries)
    still_building = not indexed(namespace)
    wait_until(lambda: indexed(namespace), "all rows are indexed", args.settle_s, 0.25)
    indexed_after_s = time.monotonic() - loaded
    wait_until(lambda: in_one_part(node, sample), "all rows lie in one part", args.settle_s, 0.25)
    report = {
        "rows": sample.rows.num_rows,
        "store": args.store,
        "added_ms": args.added_ms,
        "load": load,
        "indexed_after_s": round(indexed_after_s, 1),
        "merged_after_s": round(time.monotonic() - loaded, 1),
        "building_at_start_and_end_of_measuring": [was_building, still_building],
        "recall_while_building": while_building,
        "recall_in_one_part": recall(namespace, sample, args.queries),
        "peak_rss_mib": node.process.peak_rss_mib(),
        "bucket_mib": round(directory_bytes(bucket) / 2**20, 1),
    }
    node.stop()
    return report


def upsert(namespace, sample: wordnet.Sample) -> dict:
    """Writes all rows; the time is that of the server and the client together, without reading files."""
    seconds = 0.0
    kind = "f16" if sample.half else "f32"
    schema = {"vector": {"type": f"[384]{kind}", "ann": True}}
    for columns in sample.batches(BATCH):
        start = time.monotonic()
        written = namespace.write(upsert_columns=columns, schema=schema, distance_metric="cosine_distance")
        seconds += time.monotonic() - start
        assert written.rows_upserted == len(columns["id"]), written
    return {"seconds": round(seconds, 2), "rows_per_s": round(sample.rows.num_rows / seconds)}


def indexed(namespace) -> bool:
    return namespace.metadata().index.status == "up-to-date"


def in_one_part(node: Node, sample: wordnet.Sample) -> bool:
    """Whether all rows were folded, and merged into one part."""
    metadata = node.client().namespace(NAMESPACE).metadata()
    parts = node.metric("isobath_parts")
    return metadata.approx_row_count == sample.rows.num_rows and parts == 1


def recall(namespace, sample: wordnet.Sample, queries: int) -> dict[str, float]:
    """Recall@10 of each kind of query, two at a time."""
    def share(name: str, number: int) -> float:
        nearest = sample.truth[name][number][:10]
        rank_by = ("vector", "ANN", sample.queries[number].tolist())
        wanted = {"filters": wordnet.FILTERS[name][0]} if name != "plain" else {}
        rows = namespace.query(rank_by=rank_by, limit=10, **wanted).rows
        return len({row.id for row in rows} & set(nearest.tolist())) / len(nearest)

    queries = min(queries, len(sample.queries))
    found = {}
    with ThreadPoolExecutor(2) as pool:
        for name in wordnet.FILTERS:
            shares = list(pool.map(lambda number: share(name, number), range(queries)))
            found[name] = round(sum(shares) / queries, 4)
    return found


def below_target(report: dict) -> list[str]:
    return [
        f"{stage} {name} {found} < {TARGETS[name]}"
        for stage in ("recall_while_building", "recall_in_one_part")
        for name, found in report[stage].items()
        if found < TARGETS[name]
    ]


if __name__ == "__main__":
    sys.exit(main())
