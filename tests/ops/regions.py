"""Three regions started from the cluster file that Terraform prints."""

import json
import os
import subprocess
from pathlib import Path

from harness.node import Bucket, Node, binary
from harness.process import wait_until
from harness.servers import KEY, SECRET

from . import rights
from .emulated import Region, Stack

KEYS_OF_A_REGION = {"name", "bucket", "endpoint", "env_prefix", "address", "replication"}


class Wrong(AssertionError):
    """The regions did not do what they should."""


def check(stack: Stack, home: Path) -> str:
    check_cluster_file(stack.cluster)
    home.mkdir(parents=True)
    file = home / "cluster.json"
    file.write_text(json.dumps(stack.cluster))
    regions = stack.regions()
    isobath(environment(regions, KEY, SECRET), "cluster", "init", str(file))
    nodes = {name: start(stack, region, file, home) for name, region in regions.items()}
    for name, node in nodes.items():
        books = node.client(max_retries=8).namespace("books")
        books.write(upsert_rows=[{"id": name, "vector": [0.1, 0.9]}], distance_metric="cosine_distance")
    for name, node in nodes.items():
        wait_until(lambda node=node: ids(node) == set(nodes), f"region {name} has what all have written", 60, 0.2)
    for node in nodes.values():
        node.stop()
        refused = [line for line in node.process.log.read_text().splitlines() if "AccessDenied" in line]
        if refused:
            raise Wrong(f"a node was refused something: {refused[0]}")
    restore(stack, home, set(nodes))
    return f"{len(nodes)} regions write, replicate and answer under the rights of their nodes, and one is restored"


class Member(Node):
    """A process of a region of a cluster."""

    def __init__(self, region: Region, file: Path, home: Path, env: dict[str, str]):
        port = int(region.entry["address"].rsplit(":", 1)[1])
        super().__init__(Bucket(region.entry["bucket"], env), home, region=region.name, port=port)
        self._file = file

    def command(self) -> list[str | Path]:
        command = [binary(), "serve", "--region", self.region, "--cluster", self._file]
        return [*command, "--listen", f"127.0.0.1:{self.port}", "--cache", self.cache]


def start(stack: Stack, region: Region, file: Path, home: Path) -> Member:
    """A node with all roles, as a user with the policies of these, in the buckets of all regions."""
    for role in ("write", "query", "index", "compact", "replicate"):
        rights.add_user(stack.minio, region, role, home)
    user = f"{region.name}-node"
    rights.administer(stack.minio, home, "admin", "user", "add", "own", user, rights.SECRET_OF_USERS)
    for role in ("write", "query", "index", "compact", "replicate"):
        rights.administer(stack.minio, home, "admin", "policy", "attach", "own", f"{region.name}-{role}", "--user", user)
    env = environment(stack.regions(), user, rights.SECRET_OF_USERS)
    node = Member(region, file, home / region.name, env | {"ISOBATH_CLUSTER_KEY": "what-these-regions-share"})
    node.start()
    return node


def environment(regions: dict[str, Region], key: str, secret: str) -> dict[str, str]:
    """Somebody's credentials for the buckets of all regions."""
    credentials = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1"}
    prefixes = [region.entry["env_prefix"] for region in regions.values()]
    return {f"{prefix}{name}": value for prefix in prefixes for name, value in credentials.items()}


def ids(node: Node) -> set[str]:
    rows = node.client(max_retries=8).namespace("books").query(rank_by=("id", "asc"), limit=10).rows
    return {row.id for row in rows}


def isobath(env: dict[str, str], *words: str, given: str | None = None) -> str:
    done = subprocess.run(
        [str(binary()), *words], env={**os.environ, **env}, input=given, capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        raise Wrong(f"isobath {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def check_cluster_file(cluster: dict) -> None:
    if set(cluster) != {"region"}:
        raise Wrong(f"the cluster file has the keys {sorted(cluster)}")
    for entry in cluster["region"]:
        if set(entry) != KEYS_OF_A_REGION:
            raise Wrong(f"a region of the cluster file has the keys {sorted(entry)}")
    isobath({}, "config", "check", "-", given=json.dumps(cluster))


def restore(stack: Stack, home: Path, expected: set[str]) -> None:
    region = stack.regions()["use1"]
    bucket = region.reached(KEY, SECRET)
    target = "s3://isobath-restored/prod"
    isobath(dict(bucket.env), "restore", "--from", bucket.url, "--to", target, "--region", "use1")
    restored = Node(Bucket(target, bucket.env), home / "restored", region="use1")
    restored.start()
    found = ids(restored)
    restored.stop()
    if found != expected:
        raise Wrong(f"restored {found}, expected {expected}")
