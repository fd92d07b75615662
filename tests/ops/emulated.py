"""The example `local`, applied by the real provider to moto, and MinIO with buckets of the same names."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.node import Bucket
from harness.process import Process, free_port, wait_until
from harness.servers import Minio, answers

from . import terraform


BUCKETS = ["isobath-use1", "isobath-euw1", "isobath-apse1", "isobath-restored"]


@dataclass(frozen=True)
class Region:
    """One region of the cluster file, as the nodes and the tests use it."""

    entry: dict
    policies: dict[str, str]

    @property
    def name(self) -> str:
        return self.entry["name"]

    @property
    def bucket(self) -> str:
        return self.entry["bucket"].removeprefix("s3://").split("/")[0]

    @property
    def prefix(self) -> str:
        return self.entry["bucket"].removeprefix(f"s3://{self.bucket}").strip("/")

    def reached(self, key: str, secret: str) -> Bucket:
        """The bucket, with somebody's credentials."""
        env = {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT": self.entry["endpoint"],
        }
        return Bucket(self.entry["bucket"], env)


@dataclass(frozen=True)
class Stack:
    """What `terraform apply` left, and the MinIO that stands for S3."""

    outputs: dict
    minio: Minio

    @property
    def cluster(self) -> dict:
        """The cluster file."""
        return self.outputs["isobath"]

    def regions(self) -> dict[str, Region]:
        endpoint = f"http://127.0.0.1:{self.minio.port}"
        entries = [{**entry, "endpoint": endpoint} for entry in self.cluster["region"]]
        return {entry["name"]: Region(entry, self.outputs["policies"][entry["name"]]) for entry in entries}

    def anew(self, home: Path) -> "Stack":
        """The same with another MinIO, whose buckets are empty."""
        return Stack(self.outputs, Minio(home / "minio", BUCKETS))


def moto(home: Path) -> str:
    """Starts moto; where it listens."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    Process(command, home / "log")
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{url}/moto-api/"), "moto is up", 60, 0.1)
    return url


def start(home: Path) -> Stack:
    """Applies the example, and starts MinIO with its buckets."""
    terraform.program()
    minio = Minio(home / "minio", BUCKETS)
    ports = {name: free_port() for name in ("use1", "euw1", "apse1")}
    store = f"http://127.0.0.1:{minio.port}"
    folder = terraform.copy(home) / "examples/local"
    outputs = terraform.apply(folder, endpoint=moto(home / "moto"), store=store, ports=ports)
    (home / "cluster.json").write_text(json.dumps(outputs["isobath"]))
    return Stack(outputs, minio)
