"""`Cluster`: several regions, each with one `isobath serve` process and a bucket of its own."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .node import Bucket, Node, binary, local_bucket
from .process import wait_until
from .servers import Minio, Toxiproxy

KEY = "a key that only this cluster knows"
REGIONS = ("use1", "euw1", "apne1")


@dataclass(frozen=True)
class Answer:
    """What a node answered."""

    status: int
    body: dict
    headers: Mapping[str, str]

    @property
    def token(self) -> str:
        return self.headers["x-isobath-token"]


# the most rows that one query answers
PAGE = 10_000


class Region(Node):
    """The process of a region. Its own file says how it reaches the others: through proxies, so that the ways
    between regions can be slow and cut."""

    def __init__(self, name: str, home: Path, file: Path, bucket: Bucket, env: Mapping[str, str],
                 settings: Mapping[str, str]):
        super().__init__(Bucket(bucket.url, env), home, settings)
        self.name = name
        self.file = file

    def command(self) -> list[str | Path]:
        command = [binary(), "serve", "--cluster", self.file, "--region", self.name]
        command += ["--listen", f"127.0.0.1:{self.port}", "--cache", self.cache]
        for key, value in self._settings.items():
            command += ["--set", f"{key}={value}"]
        return command

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None,
            timeout_s: float = 30) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("content-type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return Answer(answer.status, json.loads(answer.read()), answer.headers)
        except urllib.error.HTTPError as refused:
            text = refused.read().decode()
            return Answer(refused.code, json.loads(text) if text else {}, refused.headers)

    def write(self, namespace: str, body: dict, headers: Mapping[str, str] | None = None) -> Answer:
        """A write, which must succeed."""
        answer = self.ask("POST", f"/v2/namespaces/{namespace}", body, headers)
        assert answer.status == 200, f"{self.name}: {answer}"
        return answer

    def query(self, namespace: str, body: dict, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("POST", f"/v2/namespaces/{namespace}/query", body, headers)

    def rows(self, namespace: str, headers: Mapping[str, str] | None = None) -> dict:
        """All rows of a namespace by id, page after page; none where it does not exist."""
        rows: dict = {}
        ask = {"rank_by": ["id", "asc"], "limit": PAGE, "include_attributes": True}
        while True:
            answer = self.query(namespace, ask, headers)
            if answer.status == 404:
                return {}
            assert answer.status == 200, f"{self.name}: {answer}"
            page = answer.body["rows"]
            rows |= {row["id"]: row for row in page}
            if len(page) < PAGE:
                return rows
            ask["filters"] = ["id", "Gt", page[-1]["id"]]


class Cluster:
    """Three regions. On MinIO every way between two of them, to the nodes and to the buckets, is a proxy, which makes a
    round trip take as long as `rtt_ms` says for the pair."""

    def __init__(self, home: Path, store: str, settings: Mapping[str, str] | None = None,
                 replication: str = "relay", away: str = "forward", members: tuple[str, ...] = REGIONS,
                 rtt_ms: Mapping[frozenset[str], int] | None = None):
        self.home = home
        self._rtt_ms = rtt_ms or {}
        self.store = store
        self.members = list(members)
        self._replication, self._away = replication, away
        self.proxies: Toxiproxy | None = None
        self._ways: dict[tuple[str, str], dict[str, int]] = {}
        self.minios: dict[str, Minio] = {}
        self.buckets: dict[str, Bucket] = {}
        home.mkdir(parents=True, exist_ok=True)
        for name in REGIONS:
            if store == "minio":
                self.minios[name] = Minio(home / name / "minio")
                self.buckets[name] = self.minios[name].bucket()
            else:
                self.buckets[name] = local_bucket(home / name / "bucket")
        if store == "minio":
            self.proxies = Toxiproxy(home / "toxiproxy")
        env = {"ISOBATH_CLUSTER_KEY": KEY}
        for bucket in self.buckets.values():
            env.update(bucket.env)
        env.pop("AWS_ENDPOINT", None)
        self.env = env
        self.nodes = {
            name: Region(name, home / name, home / f"{name}.json", self.buckets[name], env, settings or {})
            for name in REGIONS
        }
        self.write_files()
        self.run("init")

    def write_files(self) -> None:
        """Gives each member the file of the cluster as it reaches the others."""
        for name in self.members:
            entries = [self._entry(name, other, self._replication) for other in self.members]
            self.nodes[name].file.write_text(json.dumps({"away": self._away, "region": entries}))

    def alive(self) -> list[Region]:
        """The processes of all members."""
        return [self.nodes[name] for name in self.members]

    def _entry(self, origin: str, name: str, replication: str) -> dict:
        bucket, port = self.buckets[name], self.nodes[name].port
        entry = {"name": name, "bucket": bucket.url, "replication": replication}
        far = self.proxies is not None and origin != name
        entry["address"] = f"127.0.0.1:{self._way(origin, name, 'node', port) if far else port}"
        if self.store == "minio":
            own = self.minios[name].port
            entry["endpoint"] = f"http://127.0.0.1:{self._way(origin, name, 'bucket', own) if far else own}"
        return entry

    def _way(self, origin: str, name: str, end: str, port: int) -> int:
        """The proxy through which a region reaches the node or the bucket of another."""
        ways = self._ways.setdefault((origin, name), {})
        if end not in ways:
            rtt_ms = self._rtt_ms.get(frozenset((origin, name)), 0)
            ways[end] = self.proxies.delay(port, rtt_ms // 2, rtt_ms - rtt_ms // 2)
        return ways[end]

    def cut(self, region: str) -> None:
        """Cuts a region off all others, in both directions."""
        self._switch(region, False)

    def heal(self, region: str) -> None:
        self._switch(region, True)

    def _switch(self, region: str, enabled: bool) -> None:
        for ends, ways in self._ways.items():
            if region in ends:
                for way in ways.values():
                    self.proxies.enable(way, enabled)

    def starve(self, region: str, origin: str, starved: bool = True) -> None:
        """Lets a region learn nothing of another's log, though it can ask the other's nodes; or ends that."""
        for way in (*self._ways[origin, region].values(), self._ways[region, origin]["bucket"]):
            self.proxies.enable(way, not starved)

    def slow(self, origin: str, name: str, latency_ms: int) -> None:
        """Makes one region wait so long for each answer of another's nodes, from now on."""
        self.proxies.slow(self._ways[origin, name]["node"], latency_ms)

    def digests(self) -> set[str]:
        """What `isobath verify` says of the members' buckets; their nodes must not run."""
        found = set()
        for name in self.members:
            words = [binary(), "verify", self.buckets[name].url]
            env = os.environ | self.env | dict(self.buckets[name].env)
            done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, f"verify of {name} ends with {done.returncode}: {done.stdout}{done.stderr}"
            found.add(done.stdout.splitlines()[-1])
        return found

    def run(self, action: str, *args: str, check: bool = True) -> subprocess.CompletedProcess:
        """`isobath cluster`, as from the first region."""
        file = self.nodes[REGIONS[0]].file
        words = [binary(), "cluster", action, file, *args]
        done = subprocess.run(words, env={**os.environ, **self.env}, capture_output=True, text=True)
        assert done.returncode == 0 or not check, f"{action}: {done.stderr}"
        return done

    def start(self) -> None:
        for node in self.alive():
            node.launch()
        for node in self.alive():
            node.wait_ready()

    def stop(self) -> None:
        for node in self.alive():
            node.stop()

    def converge(self, namespaces: list[str], within_s: float = 60) -> dict[str, dict]:
        """Waits until all regions hold the same rows; these."""
        seen: dict[str, dict] = {}

        def same() -> bool:
            for namespace in namespaces:
                states = [node.rows(namespace) for node in self.alive()]
                if any(state != states[0] for state in states):
                    return False
                seen[namespace] = states[0]
            return True

        wait_until(same, "all regions hold the same rows", within_s, 0.1)
        return seen

    def copy_path(self, bucket: str, origin: str, seq: int) -> Path:
        """Where a segment lies on the disk under a bucket."""
        key = f"log/{origin}/0000/{seq:020}.seg"
        if self.store == "minio":
            return self.minios[bucket].data / "isobath/region" / key
        return self.home / bucket / "bucket" / key

    def delete_copy(self, bucket: str, origin: str, seq: int) -> None:
        path = self.copy_path(bucket, origin, seq)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
