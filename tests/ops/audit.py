"""Audit records: each change is recorded once, with who made it, in objects that nothing deletes; on a local directory, on
MinIO, and in a bucket of MinIO whose objects are locked."""

import json
import subprocess
from pathlib import Path

import pyarrow as pa

from harness.node import Bucket, Node, local_bucket
from harness.process import wait_until
from harness.servers import KEY, SECRET, Minio
from recovery.program import run

from .rights import client, command

SETTINGS = {"audit.enabled": "true", "audit.interval": "100ms", "fold.pause": "100ms", "fold.checkpoint_interval": "300ms"}
ROW = {"id": 1, "vector": [0.1, 0.9], "title": "Tides"}
EXPECTED = [
    ("create_key", None, 1),
    ("upsert", "books", 2),
    ("patch,delete", "books", 2),
    ("schema", "books", 0),
    ("delete_by_filter", "books", 0),
    ("copy", "copied", 1),
    ("delete_namespace", "books", 0),
    ("create_key", None, 1),
    ("revoke_key", None, 1),
]


class Wrong(AssertionError):
    """A record that is missing, or says something else than what happened."""


def main() -> None:
    run("audit records", audit)


def audit(home: Path) -> str:
    local = local_bucket(home / "local")
    on_file = changes(local, home / "on-file", SETTINGS, lambda: local_objects(home / "local"))
    survive(local, home / "local", on_file)
    minio = Minio(home / "minio")
    s3 = client(f"http://127.0.0.1:{minio.port}", KEY, SECRET)
    changes(minio.bucket(), home / "on-minio", SETTINGS, lambda: s3_objects(s3, "isobath", "region/audit/"))
    locked = lock(minio, s3)
    settings = SETTINGS | {"audit.bucket": "s3://locked/prod"}
    apart = Bucket("s3://isobath/other", minio.bucket().env)
    changes(apart, home / "locked", settings, lambda: s3_objects(s3, "locked", "prod/audit/"))
    if s3_objects(s3, "isobath", "other/audit/"):
        raise Wrong("records are in the region's bucket, too")
    refused(s3, locked)
    return f"{len(EXPECTED)} changes recorded on each of 3 buckets; none of {len(on_file)} objects was collected"


def changes(bucket: Bucket, home: Path, settings: dict[str, str], objects) -> dict[str, bytes]:
    """Has a node do one of each change; the objects of its records."""
    node = Node(bucket, home, settings)
    node.start()
    root = json.loads(post(node, "/admin/v1/keys", {"name": "root", "access": "admin"}))
    key = root["key"]
    books = "/v2/namespaces/books"
    post(node, books, {"upsert_rows": [ROW, ROW | {"id": 2}], "distance_metric": "cosine_distance"}, key)
    post(node, books, {"patch_rows": [{"id": 1, "title": "Ebb"}], "deletes": [2]}, key)
    post(node, "/v1/namespaces/books/schema", {"title": {"type": "string", "filterable": False}}, key)
    post(node, books, {"delete_by_filter": ["id", "Gt", 100]}, key)
    post(node, "/v2/namespaces/copied", {"copy_from_namespace": "books"}, key)
    post(node, f"{books}/query", {"rank_by": ["id", "asc"], "limit": 1}, key)
    post(node, books, None, key, "DELETE")
    second = json.loads(post(node, "/admin/v1/keys", {"name": "second", "access": "read"}, key))
    post(node, f"/admin/v1/keys/{second['id']}", None, key, "DELETE")
    wait_until(lambda: len(records(objects())) >= len(EXPECTED), "the records are stored", 30, 0.1)
    node.stop()
    found = objects()
    compare(records(found), root["id"], second["id"])
    return found


def compare(found: list[dict], root: str, second: str) -> None:
    said = [(r["kind"], None if "key" in r["kind"] else r["namespace"], r["rows"]) for r in found]
    if said != EXPECTED:
        raise Wrong(f"recorded: {json.dumps(found, indent=1)}")
    keys = [r["key"] for r in found]
    if keys != [None] + [root] * (len(EXPECTED) - 1):
        raise Wrong(f"the keys of the records: {keys}")
    if [r.get("subject") for r in found if "subject" in r] != [root, second, second]:
        raise Wrong(f"the subjects: {found}")
    times = [r["time"] for r in found]
    if times != sorted(times) or any(r["region"] != "use1" or not r["token"] for r in found):
        raise Wrong(f"recorded: {json.dumps(found, indent=1)}")
    if any(word in json.dumps(found) for word in ("Tides", "Ebb", "title")):
        raise Wrong("a record holds what a row holds")


def survive(bucket: Bucket, directory: Path, before: dict[str, bytes]) -> None:
    """Neither collection, nor a look at everything, touches or minds them."""
    command(bucket, "gc", "--bucket", bucket.url)
    command(bucket, "verify", bucket.url)
    if local_objects(directory) != before:
        raise Wrong("records changed")


def post(node: Node, path: str, body: object, key: str | None = None, method: str = "POST") -> str:
    words = ["curl", "-sS", "--fail-with-body", "-X", method, node.url + path, "-H", "content-type: application/json"]
    if key:
        words += ["-H", f"authorization: Bearer {key}"]
    if body is not None:
        words += ["-d", json.dumps(body)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Wrong(f"{method} {path}: {done.stdout}{done.stderr}")
    return done.stdout


def records(objects: dict[str, bytes]) -> list[dict]:
    lines = []
    for name in sorted(objects):
        text = pa.input_stream(pa.py_buffer(objects[name]), compression="zstd").read().decode()
        lines += [json.loads(line) for line in text.splitlines()]
    return lines


def local_objects(directory: Path) -> dict[str, bytes]:
    paths = (directory / "audit").rglob("*.jsonl.zst") if (directory / "audit").exists() else []
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


def s3_objects(s3, bucket: str, prefix: str) -> dict[str, bytes]:
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed}


def lock(minio: Minio, s3) -> str:
    """A bucket whose objects cannot be deleted for a day."""
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
    return "locked"


def refused(s3, bucket: str) -> None:
    """Not even root takes a record back."""
    version = s3.list_object_versions(Bucket=bucket)["Versions"][0]
    try:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    except s3.exceptions.ClientError:
        return
    raise Wrong("a locked record was deleted")


if __name__ == "__main__":
    main()
