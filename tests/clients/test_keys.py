"""API keys, over real sockets and through the command line, on two nodes of one region."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from turbopuffer import AuthenticationError, PermissionDeniedError

from harness.node import Bucket, Node, binary, local_bucket
from harness.process import Process, free_port, wait_until

ROWS = [{"id": 1, "vector": [1, 2]}]
# What the two nodes prove to each other that they belong together.
SECRET = "only the nodes of this region know"


class Region:
    """Two nodes; `root` may do everything."""

    def __init__(self, home: Path):
        url = local_bucket(home / "bucket").url
        bucket = Bucket(url, {"ISOBATH_SERVER__NODE_SECRET": SECRET})
        self.nodes = [Node(bucket, home / name) for name in ("a", "b")]
        for node in self.nodes:
            node.start()
        self.said: list[str] = []
        self.secrets = [SECRET]
        self.root = self.create(access="admin", key=None)

    def keys(self, *words: str, key: str | None, node: int = 0) -> subprocess.CompletedProcess:
        env = {name: value for name, value in os.environ.items() if name != "ISOBATH_API_KEY"}
        env |= {"ISOBATH_API_KEY": key} if key else {}
        command = [binary(), "keys", *words, "--url", self.nodes[node].url, "--patience", "20s"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        self.said.append(done.stderr)
        return done

    def create(self, *, key: str | None = "", node: int = 0, **options: str) -> str:
        """A new key; made with the root key."""
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        done = self.keys("create", *words, key=self.root if key == "" else key, node=node)
        assert done.returncode == 0, done.stderr
        self.secrets.append(done.stdout.strip())
        # every node knows it within seconds
        for each in self.nodes:
            wait_until(lambda: status(each, "GET", "/v1/namespaces", self.secrets[-1]) == 200,
                       "the node knows the key", 10)
        return self.secrets[-1]

    def listed(self) -> list[dict]:
        return json.loads(self.keys("list", "--json", key=self.root).stdout)["keys"]


def status(node: Node, method: str, path: str, key: str | None, body: bytes = b"") -> int:
    """The status of a request written by hand."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"Authorization: Bearer {key}"] if key is not None else []
    with socket.create_connection(("127.0.0.1", node.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return int(answer.split(b" ", 2)[1])


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    region = Region(tmp_path_factory.mktemp("keys"))
    yield region
    for node in region.nodes:
        node.stop()


def client(region: Region, key: str, node: int = 0):
    return region.nodes[node].client(max_retries=0).with_options(api_key=key)


@pytest.mark.parametrize("node", [0, 1], ids=["first node", "second node"])
def test_a_key_does_what_it_is_for_and_nothing_else(region, node):
    root = client(region, region.root, node)
    for name in ("team-a", "other"):
        root.namespace(name).write(upsert_rows=ROWS, distance_metric="cosine_distance")
    writer = client(region, region.create(prefix="team-", access="write"), node)
    reader = client(region, region.create(prefix="team-", access="read"), node)
    writer.namespace("team-a").write(upsert_rows=ROWS)
    for caller in (writer, reader):
        assert caller.namespace("team-a").query(rank_by=("id", "asc"), limit=1).rows[0].id == 1
        assert [one.id for one in caller.namespaces()] == ["team-a"]
        with pytest.raises(PermissionDeniedError):
            caller.namespace("other").query(rank_by=("id", "asc"), limit=1)
        with pytest.raises(PermissionDeniedError):
            caller.namespace("other").write(upsert_rows=ROWS)
    with pytest.raises(PermissionDeniedError):
        reader.namespace("team-a").write(upsert_rows=ROWS)
    assert [one.id for one in root.namespaces()] == ["other", "team-a"]


@pytest.mark.parametrize("node", [0, 1], ids=["first node", "second node"])
def test_a_copy_needs_a_key_for_its_source(region, node):
    root = client(region, region.root, node)
    for name in ("team-source", "hidden"):
        root.namespace(name).write(upsert_rows=ROWS, distance_metric="cosine_distance")
    writer = client(region, region.create(prefix="team-", access="write"), node)
    copy = writer.namespace(f"team-copy-{node}")
    with pytest.raises(PermissionDeniedError):
        copy.write(copy_from_namespace="hidden")
    assert not copy.exists()
    copy.write(copy_from_namespace="team-source")
    assert copy.query(rank_by=("id", "asc"), limit=1).rows[0].id == 1


def test_wrong_keys_get_in_nowhere(region):
    good = region.root
    wrong = [None, "", "none", good[:-1], good + "x", good.upper(), good.removeprefix("isobath_"),
             "x" * 8000, region.listed()[0]["id"], "Bearer " + good]
    paths = [("GET", "/v1/namespaces"), ("POST", "/v2/namespaces/team-a"), ("DELETE", "/v2/namespaces/team-a"),
             ("POST", "/v2/namespaces/team-a/query"), ("GET", "/v1/namespaces/team-a/schema"),
             ("POST", "/v1/namespaces/team-a/schema"), ("GET", "/v1/namespaces/team-a/metadata"),
             ("GET", "/admin/v1/keys"), ("POST", "/admin/v1/keys"), ("DELETE", "/admin/v1/keys/x"),
             ("GET", "/use1/v1/namespaces"), ("POST", "/v2/sql")]
    for node in region.nodes:
        for method, path in paths:
            for key in wrong:
                assert status(node, method, path, key, b"{}") == 401, (method, path, key)
    with pytest.raises(AuthenticationError):
        client(region, "none").namespace("team-a").write(upsert_rows=ROWS)
    for path in ("/healthz", "/readyz", "/metrics"):
        assert status(region.nodes[0], "GET", path, None) == 200


def test_nodes_know_each_other_by_their_secret(region):
    for node in region.nodes:
        for key in (None, "", region.root, SECRET[:-1]):
            assert status(node, "GET", "/internal/v1/ping", key) == 401, key
        assert status(node, "GET", "/internal/v1/ping", SECRET) == 200
        assert status(node, "GET", "/v1/namespaces", SECRET) == 401


def test_a_revoked_key_is_worthless_on_every_node_within_seconds(region):
    key = region.create(access="write", name="leaver")
    [id] = [one["id"] for one in region.listed() if one["name"] == "leaver"]
    assert region.keys("revoke", id, key=region.root, node=1).returncode == 0
    for node in region.nodes:
        wait_until(lambda: status(node, "GET", "/v1/namespaces", key) == 401, "the key is worthless", 10)
    assert "leaver" not in [one["name"] for one in region.listed()]
    assert region.keys("revoke", id, key=region.root).returncode != 0


def test_a_key_is_over_at_its_time(region):
    # Made by hand: the helper waits until the key is known, and by then it may be over.
    done = region.keys("create", "--access", "read", "--expires", "3s", key=region.root)
    assert done.returncode == 0, done.stderr
    key = done.stdout.strip()
    region.secrets.append(key)
    for node in region.nodes:
        wait_until(lambda: status(node, "GET", "/v1/namespaces", key) == 401, "the key is over", 30)
        time.sleep(0.2)
        assert status(node, "GET", "/v1/namespaces", key) == 401


def test_the_last_key_that_makes_others_stays(region):
    [root] = [one["id"] for one in region.listed() if one["access"] == "admin"]
    region.create(access="read")
    done = region.keys("revoke", root, key=region.root)
    assert done.returncode != 0 and "last key" in done.stderr


def test_the_system_namespace_cannot_be_reached(region):
    name = "_isobath.keys"
    for method, path in [("POST", f"/v2/namespaces/{name}"), ("DELETE", f"/v2/namespaces/{name}"),
                         ("POST", f"/v2/namespaces/{name}/query"), ("GET", f"/v1/namespaces/{name}/schema"),
                         ("GET", f"/v1/namespaces/%5Fisobath.keys/metadata")]:
        assert status(region.nodes[0], method, path, region.root, b"{}") == 400, path
    for source in (name, {"source_namespace": name}):
        body = json.dumps({"copy_from_namespace": source}).encode()
        assert status(region.nodes[0], "POST", "/v2/namespaces/copy", region.root, body) == 400


def test_a_node_that_lost_its_disk_never_forgets_that_there_are_keys(region):
    node = region.nodes[1]
    node.stop()
    node.forget_cache()
    node.launch()
    seen = set()

    def ready() -> bool:
        try:
            seen.add(status(node, "GET", "/v1/namespaces", "none"))
        except OSError:
            pass
        return node.get("/readyz")[0] == 200

    wait_until(ready, "the node is ready", 60)
    seen.add(status(node, "GET", "/v1/namespaces", "none"))
    assert seen == {401} or seen == {401, 503}
    assert status(node, "GET", "/v1/namespaces", region.root) == 200


def test_with_keys_a_server_listens_for_others(region, tmp_path):
    port = free_port()

    def serve(bucket: str) -> Process:
        command = [binary(), "serve", "--region", "use1", "--bucket", bucket, "--cache", tmp_path / "cache"]
        return Process([*command, "--listen", f"0.0.0.0:{port}"], tmp_path / "log")

    process = serve(f"file://{tmp_path}/none")
    wait_until(lambda: not process.running(), "a server without keys ends", 30)
    assert "refusing to listen on 0.0.0.0" in process.tail(), process.tail()
    (tmp_path / "cache").rename(tmp_path / "old")
    process = serve(region.nodes[0].bucket.url)

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return True
        except OSError:
            assert process.running(), process.tail()
            return False

    wait_until(answers, "a server with keys listens", 60)
    other = Node(region.nodes[0].bucket, tmp_path / "node")
    other.port = port
    assert status(other, "GET", "/v1/namespaces", "none") == 401
    assert status(other, "GET", "/v1/namespaces", region.root) == 200
    assert process.stop() == 0


def test_keys_appear_nowhere(region):
    """Last: in no log, metric, error, setting or object of the bucket."""
    printed = subprocess.run([binary(), "config", "print"], capture_output=True, text=True, timeout=60,
                             env={**os.environ, "ISOBATH_API_KEY": region.root,
                                  "ISOBATH_SERVER__NODE_SECRET": SECRET}).stdout
    said = region.said + [printed]
    for node in region.nodes:
        said += [node.process.log.read_text(errors="replace"), node.get("/metrics")[1]]
    objects = Path(region.nodes[0].bucket.url.removeprefix("file://"))
    said += [path.read_bytes().decode(errors="replace") for path in objects.rglob("*") if path.is_file()]
    assert len(region.secrets) > 3
    for secret in region.secrets:
        for text in said:
            assert secret not in text
            assert secret.removeprefix("isobath_") not in text
