"""Three regions that take writes and copy each other's logs; nothing acked is lost, and all end up equal.

Writes in every region; on MinIO one region is cut off while both sides patch one row; the process of one is killed
and started again; a copied segment is deleted. Sessions hop between regions with their tokens and never see less than
before. Conditional writes are decided on at home; writes that ask for copies say where they are.
"""

import argparse
import random
import threading
import time
from pathlib import Path

from harness.process import wait_until
from harness.regions import REGIONS, Cluster, Region

from .ledger import Violation
from .program import run

NAMESPACE = "shared"
SETTINGS = {
    # one writer after the other is not slowed to what a store that charges should be sent
    "log.min_put_interval": "10ms",
    "fold.interval": "200ms",
    "fold.checkpoint_interval": "2s",
    "replicate.ack_interval": "1s",
    "replicate.gap_timeout": "500ms",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["file", "minio"], default="file")
    parser.add_argument("--writes", type=int, default=60, help="by each writer in each phase")
    parser.add_argument("--sessions", type=int, default=60, help="steps of sessions that hop")
    parser.add_argument("--cut-s", type=float, default=4, help="how long a region is cut off, on MinIO")
    parser.add_argument("--dead-s", type=float, default=0, help="how long one is dead, at least")
    args = parser.parse_args()
    run(f"three regions on {args.store}", lambda home: regions(args, home))


class Writer(threading.Thread):
    """Writes rows of its own in one region, and a row that all writers fight for."""

    def __init__(self, node: Region, phase: int, writes: int, patient: bool):
        super().__init__(daemon=True)
        self.node, self.phase, self.writes, self.patient = node, phase, writes, patient
        self.acked: set[str] = set()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            for at in range(self.writes):
                id = f"{self.node.name}-{self.phase}-{at}"
                rows = [
                    {"id": id, "vector": [float(at), 1.0], "by": self.node.name},
                    {"id": "everybody's", "vector": [0.0, 0.0], "by": id},
                ]
                self.write({"upsert_rows": rows, "distance_metric": "euclidean_squared"})
                self.acked.add(id)
        except Exception as failure:
            self.failure = failure


    def write(self, body: dict) -> None:
        """A write; a patient writer waits while its node starts anew, and while its region joins."""
        patience = time.monotonic() + (60 if self.patient else 0)
        while time.monotonic() < patience:
            try:
                if self.node.ask("POST", f"/v2/namespaces/{NAMESPACE}", body).status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        self.node.write(NAMESPACE, body)


class Acked:
    """The rows that were acked in any region."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.phase = 0

    def write(self, nodes: list[Region], writes: int, patient: bool = False) -> None:
        """Writes in all of `nodes` at once; no client may see an error, but for patient ones while a node restarts."""
        self.phase += 1
        writers = [Writer(node, self.phase, writes, patient) for node in nodes]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
            if writer.failure:
                raise Violation(f"a client of {writer.node.name} saw {writer.failure}")
            self.ids |= writer.acked

    def check(self, cluster: Cluster) -> None:
        """All regions become equal, and hold all that was acked."""
        try:
            rows = cluster.converge([NAMESPACE], 90)[NAMESPACE]
        except AssertionError as late:
            raise Violation(f"{late}: {explain(cluster)}") from None
        if missing := self.ids - rows.keys():
            raise Violation(f"{len(missing)} acked rows are lost, as {sorted(missing)[:3]}")


def explain(cluster: Cluster) -> str:
    said = []
    for node in cluster.nodes.values():
        status = node.ask("GET", "/v2/regions").body
        seen = {r["region"]: (r["applied_seq"], r["held_seq"], r["tail_seq"], r["fault"]) for r in status["regions"]}
        said.append(f"{node.name}: {len(node.rows(NAMESPACE))} rows, {seen}")
    return "; ".join(said)


def regions(args: argparse.Namespace, home: Path) -> str:
    cluster = Cluster(home, args.store, SETTINGS)
    cluster.start()
    nodes = list(cluster.nodes.values())
    acked = Acked()
    acked.write(nodes, args.writes)
    acked.check(cluster)
    hops = sessions(cluster, args.sessions)
    at_home(cluster)
    copies(cluster)
    cut = f", {REGIONS[1]} cut off" if args.store == "minio" else ""
    if args.store == "minio":
        cut_off(cluster, acked, args)
        starve(cluster)
        slow_way(cluster)
    kill(cluster, acked, args)
    lose_a_copy(cluster, acked)
    wait_until(lambda: all(up(node, name) for node in nodes for name in REGIONS), "all regions are up", 20)
    acked.check(cluster)
    cluster.stop()
    if len(digests := cluster.digests()) != 1:
        raise Violation(f"the buckets hold different states: {digests}")
    return f"{len(acked.ids)} rows acked and there in all{cut}, {hops} session steps, {digests.pop()[:15]}"


def sessions(cluster: Cluster, steps: int) -> int:
    """One client hops between the regions with its token: it always sees its own writes, and never less than before."""
    random.seed(7)
    nodes = list(cluster.nodes.values())
    token, number = {}, 0
    for step in range(steps):
        node = random.choice(nodes)
        if step == 0 or random.random() < 0.5:
            number += 1
            row = {"id": 1, "vector": [0.0, 1.0], "number": number}
            body = {"upsert_rows": [row], "distance_metric": "euclidean_squared"}
            answer = node.write("session", body, token)
        else:
            ask = {"rank_by": ["id", "asc"], "limit": 1, "include_attributes": ["number"],
                   "consistency": {"level": "eventual"}}
            answer = node.query("session", ask, token)
            if answer.status != 200:
                raise Violation(f"{node.name}: {answer}")
            seen = answer.body["rows"][0]["number"]
            if seen != number:
                raise Violation(f"step {step}: {node.name} shows write {seen} after write {number} was acked")
        token = {"x-isobath-min-token": answer.token}
    return steps


def at_home(cluster: Cluster) -> None:
    """A conditional write is decided on in the namespace's home, whoever takes it; each of many is decided on once."""
    home, far = cluster.nodes[REGIONS[0]], cluster.nodes[REGIONS[1]]
    home.write("counter", {"upsert_rows": [{"id": 1, "vector": [1.0, 1.0], "n": 0}],
                           "distance_metric": "euclidean_squared"})
    for n in range(1, 11):
        node = [home, far][n % 2]
        answers = [
            node.write("counter", {
                "upsert_rows": [{"id": 1, "vector": [1.0, 1.0], "n": n}],
                "upsert_condition": ["n", "Lt", n],
            })
            for _ in range(2)
        ]
        affected = [answer.body["rows_affected"] for answer in answers]
        if affected != [1, 0]:
            raise Violation(f"write {n} of a counter, sent twice to {node.name}, changed {affected} rows")
        served = answers[0].headers.get("x-isobath-served-by")
        if served != (None if node is home else home.name):
            raise Violation(f"a conditional write to {node.name} was served by {served}")
        # whoever takes a write that another region decides on sees it with the answer
        ask = {"rank_by": ["id", "asc"], "limit": 1, "include_attributes": ["n"], "consistency": {"level": "eventual"}}
        [row] = node.query("counter", ask).body["rows"]
        if row["n"] != n:
            raise Violation(f"{node.name} shows {row['n']} after it answered write {n}")


def copies(cluster: Cluster) -> None:
    """A write is answered as soon as so many buckets hold it, or says how many do."""
    first, last = cluster.nodes[REGIONS[0]], cluster.nodes[REGIONS[2]]
    row = {"id": 1, "vector": [1.0, 1.0]}
    body = {"upsert_rows": [row], "distance_metric": "euclidean_squared"}
    for wanted in (1, 2, 3):
        answer = first.write("copied", {**body, "write_concern": {"regions": wanted}})
        held = answer.body["replicated_to"]
        if len(held) < wanted or held[0] != first.name:
            raise Violation(f"wanted in {wanted} regions, answered with {held}")
    too_many = first.ask("POST", "/v2/namespaces/copied", {**body, "write_concern": {"regions": 4}})
    if too_many.status != 400:
        raise Violation(f"wanted in 4 regions of 3: {too_many}")
    last.kill()
    wait_until(lambda: not up(first, last.name), "the killed region is down", 20)
    answer = first.write("copied", {**body, "write_concern": {"regions": 3, "wait_ms": 300}})
    if sorted(answer.body["replicated_to"]) != sorted(REGIONS[:2]):
        raise Violation(f"with one region down: {answer.body}")
    stale = {"rank_by": ["id", "asc"], "limit": 1,
             "consistency": {"level": "eventual", "max_staleness_seconds": 0.5, "wait_ms": 200}}
    if (answer := first.query("copied", stale)).status != 412:
        raise Violation(f"a read no staler than 0.5 s while a region is down: {answer}")
    stale["consistency"] = {"level": "eventual"}
    if (answer := first.query("copied", stale)).status != 200:
        raise Violation(f"a read without such a bound: {answer}")
    last.start()


def up(node: Region, other: str) -> bool:
    regions = node.ask("GET", "/v2/regions").body["regions"]
    [found] = [region for region in regions if region["region"] == other]
    return found["health"] == "up"


def cut_off(cluster: Cluster, acked: Acked, args: argparse.Namespace) -> None:
    """Both sides of a cut go on; afterwards both patches of one row are there, and of two upserts the newer one."""
    inside, outside = cluster.nodes[REGIONS[1]], cluster.nodes[REGIONS[0]]
    row = {"id": "patched", "vector": [9.0, 9.0], "inside": "", "outside": ""}
    inside.write(NAMESPACE, {"upsert_rows": [row]})
    cluster.converge([NAMESPACE])
    conflicts = sum(node.metric("isobath_conflicts_total") for node in cluster.alive())
    cluster.cut(inside.name)
    inside.write(NAMESPACE, {"patch_rows": [{"id": "patched", "inside": "yes"}]})
    outside.write(NAMESPACE, {"patch_rows": [{"id": "patched", "outside": "yes"}]})
    for node in (inside, outside):
        # the clocks of all regions are those of one machine
        time.sleep(0.05)
        node.write(NAMESPACE, {"upsert_rows": [{"id": "fought over", "vector": [9.0, 9.0], "by": node.name}]})
    start = time.monotonic()
    while time.monotonic() - start < args.cut_s:
        acked.write(list(cluster.nodes.values()), args.writes // 4)
    wait_until(lambda: is_shunned(outside, inside.name), "the region is seen to be down", 20)
    cluster.heal(inside.name)
    acked.check(cluster)
    wait_until(lambda: outside.metric("isobath_breaker_open", peer=inside.name) == 0, "the region is asked again", 20)
    for node in cluster.alive():
        rows = node.rows(NAMESPACE)
        merged = rows["patched"]
        if (merged["inside"], merged["outside"]) != ("yes", "yes"):
            raise Violation(f"{node.name}: a patch is lost: {merged}")
        if (by := rows["fought over"]["by"]) != outside.name:
            raise Violation(f"{node.name}: the upsert of {by} won over the newer one")
        if node.metric("isobath_conflicts_total") == 0:
            raise Violation(f"{node.name} counts no lost upsert")
    if sum(node.metric("isobath_conflicts_total") for node in cluster.alive()) <= conflicts:
        raise Violation("the upserts that lost while the region was cut off are not counted")


def is_shunned(node: Region, other: str) -> bool:
    """Whether a node takes another region for dead and asks it nothing, by its answers and its metrics."""
    seen = node.ask("GET", "/v2/regions").body["regions"]
    [region] = [region for region in seen if region["region"] == other]
    open_, up = (node.metric(name, peer=other) for name in ("isobath_breaker_open", "isobath_region_up"))
    return (region["health"], open_, up) == ("down", 1, 0) and region["breaker"] != "closed"


def starve(cluster: Cluster) -> None:
    """A region that lacks what a token names refuses to answer, shows what it has, or has the other region answer."""
    near, far = cluster.nodes[REGIONS[1]], cluster.nodes[REGIONS[0]]
    far.write("starved", {"upsert_rows": [{"id": 1, "vector": [1.0, 1.0], "n": 1}], "distance_metric": "euclidean_squared"})
    cluster.converge(["starved"])
    cluster.starve(near.name, far.name)
    # what was on its way
    time.sleep(1)
    ask = {"rank_by": ["id", "asc"], "limit": 1, "include_attributes": ["n"]}
    for namespace, old in (("starved", (200, 1)), ("starved-anew", (404, None))):
        row = {"id": 1, "vector": [1.0, 1.0], "n": 2}
        written = far.write(namespace, {"upsert_rows": [row], "distance_metric": "euclidean_squared"})
        for on_stale, expected in (("error", (412, None)), ("serve", old), ("remote", (200, 2))):
            headers = {"x-isobath-min-token": written.token, "x-isobath-wait-ms": "100", "x-isobath-on-stale": on_stale}
            answer = near.query(namespace, ask, headers)
            n = answer.body["rows"][0]["n"] if answer.status == 200 else None
            if (answer.status, n) != expected:
                raise Violation(f"{namespace}, on stale {on_stale}: {answer} instead of {expected}")
            by = answer.headers.get("x-isobath-served-by")
            if by != (far.name if on_stale == "remote" else None):
                raise Violation(f"{namespace}, on stale {on_stale}: served by {by}")
    cluster.starve(near.name, far.name, False)
    cluster.converge(["starved", "starved-anew"])
    answer = near.query("starved-anew", ask, headers)
    if answer.status != 200 or "x-isobath-served-by" in answer.headers:
        raise Violation(f"once the copies are there: {answer}")


def slow_way(cluster: Cluster) -> None:
    """A way that becomes slow opens the breaker, clients of both regions meet nothing, and it closes again."""
    node, slow = cluster.nodes[REGIONS[0]], cluster.nodes[REGIONS[1]]

    def breaker() -> str:
        seen = node.ask("GET", "/v2/regions").body["regions"]
        return next(region["breaker"] for region in seen if region["region"] == slow.name)

    wait_until(lambda: breaker() == "closed", "the breaker is closed", 20, 0.1)
    opened = node.metric("isobath_breaker_opened_total")
    cluster.slow(node.name, slow.name, 400)
    wait_until(lambda: node.metric("isobath_breaker_opened_total") > opened, "the breaker opens", 15, 0.1)
    row = {"id": "meanwhile", "vector": [1.0, 1.0]}
    for one in (node, slow):
        one.write("slowed", {"upsert_rows": [row], "distance_metric": "euclidean_squared"})
    cluster.slow(node.name, slow.name, 0)
    wait_until(lambda: breaker() == "closed", "the breaker closes", 20, 0.1)
    cluster.converge(["slowed"])


def kill(cluster: Cluster, acked: Acked, args: argparse.Namespace) -> None:
    """The process of a region dies, the others go on, and it comes back without its disk."""
    dead = cluster.nodes[REGIONS[2]]
    others = [node for node in cluster.nodes.values() if node is not dead]
    dead.kill()
    start = time.monotonic()
    acked.write(others, args.writes)
    while time.monotonic() - start < args.dead_s:
        acked.write(others, args.writes // 4)
    dead.forget_cache()
    dead.start()
    acked.write([dead], args.writes // 4)
    acked.check(cluster)


def lose_a_copy(cluster: Cluster, acked: Acked) -> None:
    """A copy is deleted from a bucket: it is made again, the same."""
    node = cluster.nodes[REGIONS[1]]
    node.stop()
    seq = 5
    path = cluster.copy_path(node.name, REGIONS[0], seq)
    assert path.exists(), path
    cluster.delete_copy(node.name, REGIONS[0], seq)
    node.start()
    wait_until(path.exists, "the copy is made again", 30)
    wait_until(lambda: node.metric("isobath_read_repair_total") >= 1, "the repair is counted", 10)
    acked.check(cluster)


if __name__ == "__main__":
    main()
