"""Three regions that are 80, 160 and 250 ms apart, each with a MinIO of its own, under load: how soon a write is seen in
the other regions, what that costs the clients of a region, and how long an answer takes that another region has to give.

    PYTHONPATH=tests $(tests/harness/venv) tests/bench/regions.py [--seconds 30] [--check]

Each region reaches its own bucket directly, and the buckets and nodes of the others through Toxiproxy, which delays each
direction by half the round trip. A compiled client per region (tests/support/examples/region_load.rs) writes 20 rows and
sends 20 queries a second. The same load runs before and after with all ways between the regions shut: that is the
comparison for local latencies. Lag is the time from a write's ack to the first look that finds its segment in the view of
the other region; looks are 10 ms apart, and the times are of one monotonic clock.

The program under test is $ISOBATH_BIN, else what cargo builds in its dev profile, which is slow: give it a release build.
The client is $ISOBATH_REGION_LOAD, else what cargo builds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np

from harness.node import REPO, Node
from harness.process import wait_until
from harness.regions import REGIONS, Cluster
from harness.servers import Minio, Missing, skip

RTT_MS = {frozenset(pair): rtt for pair, rtt in zip(combinations(REGIONS, 2), (80, 160, 250), strict=True)}
DIMENSIONS = 64
# Lag beyond the round trip p50 and lag p99, ms; local latencies, times those without replication; remote beyond the
# round trip p99, ms.
LAG_P50, LAG_P99, QUERY_P99, ACK_P50, REMOTE_P99 = 150, 1500, 1.5, 1.15, 25


@cache
def load_program() -> Path:
    if chosen := os.environ.get("ISOBATH_REGION_LOAD"):
        return Path(chosen).resolve()
    command = ["cargo", "build", "--release", "--workspace", "--example", "region_load", "--message-format", "json"]
    output = subprocess.run(command, cwd=REPO, stdout=subprocess.PIPE, check=True).stdout
    messages = (json.loads(line) for line in output.splitlines())
    [path] = {message["executable"] for message in messages if message.get("executable")}
    return Path(path)


@dataclass
class Seen:
    """What the clients of one run, or of several alike, measured; milliseconds."""

    acks: list[float] = field(default_factory=list)
    queries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lags: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    unseen: int = 0
    remote: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    # Processor time a second: of the nodes, of the stores.
    cpu: list[tuple[float, float]] = field(default_factory=list)

    def read(self, text: str) -> None:
        writes, looks = [], defaultdict(list)
        for line in text.splitlines():
            match line.split("\t"):
                case ["write", region, seq, sent, acked]:
                    writes.append((region, int(seq), int(acked)))
                    self.acks.append(ms(sent, acked))
                case ["query", _, level, sent, answered]:
                    self.queries[level].append(ms(sent, answered))
                case ["seen", region, origin, seq, at]:
                    looks[origin, region].append((int(seq), int(at)))
                case ["fallback", writer, reader, sent, answered, by] if by == writer:
                    self.remote[reader, writer].append(ms(sent, answered))
                case ["error", region, what, _]:
                    self.errors.append(f"{region}: {what}")
        for origin, seq, acked in writes:
            for region in REGIONS:
                if region != origin:
                    at = first(looks[origin, region], seq)
                    self.unseen += at is None
                    if at is not None:
                        self.lags[origin, region].append(max(0, ms(acked, at)))


def first(looks: list[tuple[int, int]], seq: int) -> int | None:
    """When a segment was first seen."""
    return next((at for last, at in looks if last >= seq), None)


def ms(start: str | int, end: str | int) -> float:
    return (int(end) - int(start)) / 1000


def main() -> int:
    args = parse()
    try:
        with tempfile.TemporaryDirectory(prefix="isobath-regions-", ignore_cleanup_errors=True) as home:
            apart, together = measure(args, Path(home))
    except Missing as missing:
        return skip(missing)
    missed = report(apart, together)
    if args.check:
        print("; ".join(missed) or "all limits are kept")
    return 1 if args.check and missed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=120, help="of the load; half as long before and after it without replication")
    parser.add_argument("--writes", type=int, default=20, help="a second, in each region")
    parser.add_argument("--queries", type=int, default=20, help="a second, in each region")
    parser.add_argument("--remote", type=int, default=1, help="remote reads a second, by each region from each other")
    parser.add_argument("--rows", type=int, default=10_000, help="that are there before")
    parser.add_argument("--raw", type=Path, help="a directory for what the client said")
    parser.add_argument("--check", action="store_true", help="fail where a limit is missed")
    return parser.parse_args()


def measure(args: argparse.Namespace, home: Path) -> tuple[Seen, Seen]:
    """What clients saw without replication, and with it."""
    program = load_program()
    cluster = Cluster(home, "minio", rtt_ms=RTT_MS)
    cluster.start()
    fill(cluster, args.rows)
    apart, together = Seen(), Seen()

    def load(seen: Seen, name: str, seconds: int, remote: int) -> None:
        places = [f"{node.name}=127.0.0.1:{node.port}" for node in cluster.alive()]
        rates = [seconds, args.writes, args.queries, remote, DIMENSIONS]
        command = [program, *map(str, rates), *places]
        groups = [cluster.alive(), list(cluster.minios.values())]
        before = [cpu_s(group) for group in groups]
        text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        seen.cpu.append(tuple((cpu_s(group) - old) / seconds for group, old in zip(groups, before)))
        if args.raw:
            args.raw.mkdir(parents=True, exist_ok=True)
            (args.raw / name).write_text(text)
        seen.read(text)

    def separately(name: str) -> None:
        for region in REGIONS:
            cluster.cut(region)
        load(apart, name, args.seconds // 2, 0)
        for region in REGIONS:
            cluster.heal(region)
        settle(cluster)

    load(Seen(), "warm", 5, args.remote)
    separately("before")
    load(together, "load", args.seconds, args.remote)
    separately("after")
    cluster.stop()
    return apart, together


def cpu_s(servers: list[Node | Minio]) -> float:
    """Processor time that the processes of these have used."""
    ticks = 0
    for server in servers:
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def fill(cluster: Cluster, rows: int) -> None:
    """Rows that searches go through whatever the load adds; indexed in all regions."""
    chance = np.random.default_rng(1)
    home = cluster.nodes[REGIONS[0]]
    for start in range(0, rows, 2_000):
        vectors = chance.random((2_000, DIMENSIONS)).round(3).tolist()
        columns = {"id": [f"base-{start + at}" for at in range(2_000)], "vector": vectors}
        home.write("load", {"upsert_columns": columns, "distance_metric": "euclidean_squared"})
    settle(cluster)

    def indexed() -> bool:
        said = [node.get("/v2/namespaces/load/metadata") for node in cluster.alive()]
        return all(status == 200 and json.loads(body)["index"]["status"] == "up-to-date" for status, body in said)

    wait_until(indexed, "all rows are indexed in all regions", 300, 0.5)


def settle(cluster: Cluster) -> None:
    """Waits until every region holds what the others do, and asks them again."""

    def settled() -> bool:
        for node in cluster.alive():
            for region in node.ask("GET", "/v2/regions").body["regions"]:
                if region["lag_segments"] or region["breaker"] != "closed" or region["health"] != "up":
                    return False
        return True

    wait_until(settled, "the regions are at one", 120, 0.5)


def at(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else float("inf")


def report(apart: Seen, together: Seen) -> list[str]:
    """Prints what was measured; the limits that were missed."""
    missed = [f"{len(seen.errors)} errors, as {seen.errors[0]}" for seen in (apart, together) if seen.errors]
    if together.unseen:
        missed.append(f"{together.unseen} writes never came to sight in another region")
    print("| pair, round trip | lag p50 | lag p99 | remote p50 | remote p99 |\n|---|---|---|---|---|")
    for origin in REGIONS:
        for region in REGIONS:
            if region != origin:
                missed += pair(together, origin, region)
    print("\n| in a region | without replication | with it | ratio |\n|---|---|---|---|")
    rows = [("ack p50", apart.acks, together.acks, 50, ACK_P50), ("ack p99", apart.acks, together.acks, 99, None)]
    for level in ("strong", "eventual"):
        both = apart.queries[level], together.queries[level]
        rows += [(f"{level} query p50", *both, 50, None), (f"{level} query p99", *both, 99, QUERY_P99)]
    for name, before, after, percent, limit in rows:
        without, with_it = at(before, percent), at(after, percent)
        print(f"| {name} | {without:.1f} ms | {with_it:.1f} ms | {with_it / without:.2f} |")
        if limit and with_it > limit * without:
            missed.append(f"{name}: {with_it / without:.2f} > {limit}")
    for name, seen in (("without", apart), ("with", together)):
        nodes, stores = np.mean(seen.cpu, axis=0)
        print(f"processors {name} replication: {nodes:.2f} by the nodes, {stores:.2f} by the stores")
    article(together)
    return missed


def pair(seen: Seen, origin: str, region: str) -> list[str]:
    rtt = RTT_MS[frozenset((origin, region))]
    lags, remote = seen.lags[origin, region], seen.remote[origin, region]
    half, most, far = at(lags, 50), at(lags, 99), at(remote, 99)
    print(f"| {origin} → {region}, {rtt} ms | {half:.0f} ms | {most:.0f} ms | {at(remote, 50):.0f} ms | {far:.0f} ms |")
    limits = [("lag p50", half, rtt + LAG_P50), ("lag p99", most, LAG_P99), ("remote p99", far, rtt + REMOTE_P99)]
    return [f"{origin} → {region} {name}: {value:.0f} > {limit} ms" for name, value, limit in limits if value > limit]


def article(seen: Seen) -> None:
    """The same in the three figures that articles about such systems give."""
    lags = [lag for lags in seen.lags.values() for lag in lags]
    local = [time for times in seen.queries.values() for time in times]
    beyond = [time - RTT_MS[frozenset(ends)] for ends, times in seen.remote.items() for time in times]
    print("\n| | claimed elsewhere | here |\n|---|---|---|")
    print(f"| replication lag | 1.2 to 2.1 s | p50 {at(lags, 50) / 1000:.2f} s, p99 {at(lags, 99) / 1000:.2f} s |")
    print(f"| local query p99 | 8 to 9 ms | {at(local, 99):.1f} ms |")
    print(f"| remote query p99 | 30 to 38 ms | the round trip and {at(beyond, 99):.0f} ms |")


if __name__ == "__main__":
    sys.exit(main())
