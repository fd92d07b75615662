"""The policies that Terraform renders, given to users of MinIO: under them each role of the engine does its work, and
everything else is refused."""

import json
import os
import random
import subprocess
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.node import Bucket, Node, binary
from harness.servers import KEY, SECRET, Minio, tool

from .emulated import Region, Stack

ROLES = ["write", "query", "index", "compact", "replicate", "restore"]
SECRET_OF_USERS = "a-secret-of-tests"

# One key of each kind, and of each that a role must not take for its own.
KEYS = [
    "marker",
    "claim/use1/0000/0000000777",
    "claim/euw1/0000/0000000777",
    "log/use1/0000/00000000000000000777.seg",
    "log/euw1/0000/00000000000000000777.seg",
    "log/mars/0000/00000000000000000777.seg",
    "floor/use1/0000/0000000777",
    "manifest/books/18446744073709550838",
    "checkpoint/18446744073709550838",
    "data/run/777",
    "data/map/777",
    "data/books/part/777.arrow",
    "data/index/part/777.arrow",
    "data/books/dead/777",
    "data/books/index/777-777/meta",
    "ack/00000000000000000777",
    "cluster/00000000000000000777",
    "pin/777",
    "probe/777/00000000000000000000",
    "audit/use1/777",
    "audit/euw1/777",
    "resident/777",
    "elsewhere",
]
# Who creates what, and deletes what, as storage/src/store/keys and the roles of the engine have it.
CREATES = {
    "write": {"audit/use1", "marker", "claim/use1", "log/use1", "probe"},
    "query": {"probe"},
    "index": {"data/books/index", "probe"},
    "compact": {"checkpoint", "data", "floor", "manifest", "pin", "probe"},
    "replicate": {"ack", "cluster", "data/books/dead", "data/books/part", "data/index/part", "log/euw1", "probe"},
    "restore": {"checkpoint", "claim", "data", "floor", "manifest", "marker", "probe"},
}
DELETES = {role: {"probe"} for role in ROLES} | {
    "compact": {"ack", "checkpoint", "data", "log", "manifest", "pin", "probe"}
}
# What is read in the bucket of another region.
SHARED = {"ack", "checkpoint", "claim", "cluster", "data", "floor", "log", "manifest", "marker"}
READS_PEERS = {
    "write": {"ack", "cluster", "marker"},
    "query": set(),
    "index": set(),
    "compact": {"ack", "cluster", "marker"},
    "replicate": SHARED,
    "restore": SHARED | {"pin"},
}

SETTINGS = {
    "fold.pause": "300ms",
    "fold.interval": "100ms",
    "fold.min_part_bytes": "1kB",
    "fold.checkpoint_interval": "300ms",
    "index.min_rows_for_graph": "200",
    "log.tail_interval_idle": "300ms",
    "audit.enabled": "true",
}
DIMENSIONS = 8


class Wrong(AssertionError):
    """A right that is there and should not be, or the other way round."""


@dataclass
class User:
    """A user of MinIO with the policy of a role."""

    role: str
    region: Region
    key: str

    @cached_property
    def s3(self):
        return client(self.region.entry["endpoint"], self.key, SECRET_OF_USERS)

    def bucket(self) -> Bucket:
        return self.region.reached(self.key, SECRET_OF_USERS)


def client(endpoint: str, key: str, secret: str):
    config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, request_checksum_calculation="when_required")
    return boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1", config=config
    )


def check(applied: Stack, home: Path) -> str:
    home.mkdir(parents=True)
    # everything is overwritten here that can be
    stack = applied.anew(home)
    region = stack.regions()["use1"]
    users = {role: add_user(stack.minio, region, role, home) for role in ROLES}
    work(stack, users, home)
    asked = refusals(stack, region, users)
    return f"{len(ROLES)} roles, {asked} requests allowed or refused as they should be"


def add_user(minio: Minio, region: Region, role: str, home: Path) -> User:
    """Makes a user with the policy of a role, less what MinIO has no keys for."""
    policy = json.loads(region.policies[role])
    policy["Statement"] = [s for s in policy["Statement"] if s["Sid"] not in ("Decrypt", "Encrypt")]
    name = f"{region.name}-{role}"
    path = home / f"{name}.json"
    path.write_text(json.dumps(policy))
    administer(minio, home, "admin", "policy", "create", "own", name, str(path))
    administer(minio, home, "admin", "user", "add", "own", name, SECRET_OF_USERS)
    administer(minio, home, "admin", "policy", "attach", "own", name, "--user", name)
    return User(role, region, name)


def administer(minio: Minio, home: Path, *words: str) -> None:
    env = {**os.environ, "MC_HOST_own": f"http://{KEY}:{SECRET}@127.0.0.1:{minio.port}"}
    command = [str(tool("mc")), "--config-dir", str(home / "mc"), "--quiet", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Wrong(f"mc {' '.join(words)}: {done.stdout}{done.stderr}")


def work(stack: Stack, users: dict[str, User], home: Path) -> None:
    """Each role in a process of its own, with rights of its own."""
    def node(role: str) -> Node:
        settings = SETTINGS | {"roles": role}
        started = Node(users[role].bucket(), home / role, settings, region="use1")
        started.start()
        return started

    writer = node("write")
    reader, folder, indexer = (node(role) for role in ("query", "compact", "index"))
    chance = random.Random(3)
    rows = {row: [chance.gauss(0, 1) for _ in range(DIMENSIONS)] for row in range(1, 301)}
    books = writer.client(max_retries=8).namespace("books")
    columns = {"id": list(rows), "vector": list(rows.values())}
    books.write(upsert_columns=columns, distance_metric="euclidean_squared")
    wait_for_graph(reader)
    found = reader.client().namespace("books").query(rank_by=("vector", "ANN", rows[7]), limit=1).rows
    if [row.id for row in found] != [7]:
        raise Wrong(f"the query node found {found}")
    command(users["compact"].bucket(), "gc", "--bucket", users["compact"].bucket().url)
    command(users["compact"].bucket(), "snapshot", "create", users["compact"].bucket().url, "--name", "first")
    for each in (reader, indexer, folder, writer):
        each.stop()
        refused = [line for line in each.process.log.read_text().splitlines() if "AccessDenied" in line]
        if refused:
            raise Wrong(f"a node was refused something: {refused[0]}")
    restore(stack, users, home)


def restore(stack: Stack, users: dict[str, User], home: Path) -> None:
    """Into the bucket of another region, with the rights that that region's role has."""
    source = users["query"].bucket()
    target = add_user(stack.minio, stack.regions()["euw1"], "restore", home)
    said = command(target.bucket(), "restore", "--from", source.url, "--to", target.bucket().url, "--region", "euw1")
    digest = said.splitlines()[-1]
    verified = command(source, "verify", source.url).splitlines()[-1]
    if digest != verified:
        raise Wrong(f"restored {digest}, the source has {verified}")


def wait_for_graph(reader: Node) -> None:
    """Waits until the query node answers from a graph: somebody folded, somebody else built, and it read both."""
    deadline = time.monotonic() + 120
    books = reader.client(max_retries=8).namespace("books")
    while True:
        answer = books.query(rank_by=("vector", "ANN", [0.1] * DIMENSIONS), limit=1)
        if answer.performance.model_extra.get("path") == "graph":
            return
        if time.monotonic() > deadline:
            raise Wrong(f"no graph after 120 s\n{reader.process.tail()}")
        time.sleep(0.2)


def command(bucket: Bucket, *words: str) -> str:
    env = {**os.environ, **bucket.env}
    done = subprocess.run([str(binary()), *words], env=env, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise Wrong(f"isobath {words[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def refusals(stack: Stack, region: Region, users: dict[str, User]) -> int:
    """Asks for everything as everybody; how many requests that were."""
    peer = stack.regions()["euw1"]
    root = client(region.entry["endpoint"], KEY, SECRET)
    asked = 0
    for role, user in users.items():
        for key in KEYS:
            own, other = f"{region.prefix}/{key}", f"{peer.prefix}/{key}"
            for bucket, path in [(region.bucket, own), (region.bucket, key), (peer.bucket, other)]:
                root.put_object(Bucket=bucket, Key=path, Body=b"root")
            allowed = {
                ("put_object", region.bucket, own): within(key, CREATES[role]),
                ("delete_object", region.bucket, own): within(key, DELETES[role]),
                ("put_object", region.bucket, key): False,
                ("delete_object", region.bucket, key): False,
                ("get_object", region.bucket, key): False,
                ("put_object", peer.bucket, other): False,
                ("delete_object", peer.bucket, other): False,
                ("get_object", peer.bucket, other): within(key, READS_PEERS[role]),
                ("get_object", "isobath-apse1", "outside/of/prefix"): False,
            }
            for (action, bucket, path), expected in allowed.items():
                compare(user, action, expected, Bucket=bucket, Key=path)
                asked += 1
        for action, more in FORBIDDEN.items():
            compare(user, action, False, Bucket=region.bucket, **more)
            asked += 1
        compare(user, "get_object", True, Bucket=region.bucket, Key=f"{region.prefix}/marker")
        missing_is_said(user)
        asked += 2
    return asked


# What no role may ask of the bucket itself.
FORBIDDEN = {
    "delete_bucket": {},
    "put_bucket_versioning": {"VersioningConfiguration": {"Status": "Suspended"}},
    "put_bucket_policy": {"Policy": "{}"},
    "delete_bucket_policy": {},
    "get_bucket_policy": {},
    "delete_bucket_lifecycle": {},
    "delete_bucket_encryption": {},
    "delete_bucket_replication": {},
    "put_object_tagging": {"Key": "prod/marker", "Tagging": {"TagSet": []}},
    "delete_object": {"Key": "prod/log/use1/0000/00000000000000000777.seg", "VersionId": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
}


def within(key: str, roots: set[str]) -> bool:
    return any(key == root or key.startswith(f"{root}/") for root in roots)


def compare(user: User, action: str, expected: bool, **what: object) -> None:
    body = {"Body": b"test"} if action == "put_object" else {}
    try:
        getattr(user.s3, action)(**what, **body)
        happened = True
    except ClientError as refused:
        code = refused.response["Error"]["Code"]
        if code not in ("AccessDenied", "NoSuchKey"):
            raise Wrong(f"{user.key}: {action} {what}: {refused}") from None
        happened = code == "NoSuchKey"
    if happened != expected:
        word = "may not" if happened is False else "may"
        raise Wrong(f"{user.key} {word} {action} {what}, the other way round was expected")


def missing_is_said(user: User) -> None:
    """The log takes the answer 404 for its end, and any other for a failure."""
    try:
        user.s3.get_object(Bucket=user.region.bucket, Key=f"{user.region.prefix}/log/use1/0000/00000000000000009999.seg")
    except ClientError as refused:
        if refused.response["Error"]["Code"] == "NoSuchKey":
            return
        raise Wrong(f"{user.key}: a missing object is answered with {refused}") from None
