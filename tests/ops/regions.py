"""Three regions started from the cluster file that Terraform prints."""

import json
import os
import subprocess
from pathlib import Path

from harness.node import Node, binary
from harness.servers import KEY, SECRET

from .emulated import Stack

KEYS_OF_A_REGION = {"name", "bucket", "endpoint", "env_prefix", "address", "replication"}


class Wrong(AssertionError):
    """The regions did not do what they should."""


def check(stack: Stack, home: Path) -> str:
    check_cluster_file(stack.cluster)
    nodes = {}
    for name, region in stack.regions().items():
        port = int(region.entry["address"].rsplit(":", 1)[1])
        node = Node(region.reached(KEY, SECRET), home / name, region=name, port=port)
        node.start()
        books = node.client(max_retries=8).namespace("books")
        books.write(
            upsert_rows=[{"id": 1, "vector": [0.1, 0.9], "region": name}], distance_metric="cosine_distance"
        )
        [row] = books.query(rank_by=("vector", "ANN", [0.1, 0.9]), limit=1, include_attributes=["region"]).rows
        if row.model_extra["region"] != name:
            raise Wrong(f"region {name} answers with a row of {row.model_extra['region']}")
        nodes[name] = node
    for node in nodes.values():
        node.stop()
    restore(stack, home)
    return f"{len(nodes)} regions write, answer, and one is restored"


def check_cluster_file(cluster: dict) -> None:
    if set(cluster) != {"region"}:
        raise Wrong(f"the cluster file has the keys {sorted(cluster)}")
    for entry in cluster["region"]:
        if set(entry) != KEYS_OF_A_REGION:
            raise Wrong(f"a region of the cluster file has the keys {sorted(entry)}")
    given = json.dumps(cluster)
    done = subprocess.run([str(binary()), "config", "check", "-"], input=given, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Wrong(f"the program does not take the cluster file: {done.stderr}")


def restore(stack: Stack, home: Path) -> None:
    region = stack.regions()["use1"]
    bucket = region.reached(KEY, SECRET)
    target = "s3://isobath-restored/prod"
    done = subprocess.run(
        [str(binary()), "restore", "--from", bucket.url, "--to", target],
        env={**os.environ, **bucket.env}, capture_output=True, text=True, timeout=120,
    )
    if done.returncode != 0:
        raise Wrong(f"restore: {done.stdout}{done.stderr}")
    restored = Node(type(bucket)(target, bucket.env), home / "restored", region="use1")
    restored.start()
    [row] = restored.client(max_retries=8).namespace("books").query(rank_by=("id", "asc"), limit=1, include_attributes=["region"]).rows
    restored.stop()
    if row.model_extra["region"] != "use1":
        raise Wrong(f"restored {json.dumps(row.model_extra)}")
