"""Traces: one write is followed through its commit, its copies in other regions and the fold, one query through the wait for
a view and the search, one through another region; and a collector gets what the file holds."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.node import Node, local_bucket
from harness.process import wait_until
from harness.regions import Cluster
from recovery.program import run

SETTINGS = {
    "traces.sample": "1",
    "traces.interval": "50ms",
    "fold.pause": "100ms",
    "fold.checkpoint_interval": "300ms",
    "fold.interval": "100ms",
}
PARENT = "00f067aa0ba902b7"
QUERY = {"rank_by": ["vector", "ANN", [0.1, 0.9]], "limit": 1}


class Wrong(AssertionError):
    """A span that is missing, or does not belong where it should."""


def main() -> None:
    run("traces", traces)


def traces(home: Path) -> str:
    spans = over_regions(home / "regions", home / "spans.jsonl")
    sent = to_collector(home / "collector")
    return f"a write, its copies, its fold and three queries in {spans} spans of three regions; a collector got {sent}"


def over_regions(home: Path, file: Path) -> int:
    cluster = Cluster(home, "file", SETTINGS | {"traces.file": str(file)})
    # this region never holds what the others write, and has to ask them
    cluster.nodes["apne1"]._settings["roles"] = "write,query"
    cluster.start()
    use1, euw1, apne1 = cluster.alive()
    rows = {"upsert_rows": [{"id": 1, "vector": [0.1, 0.9]}], "distance_metric": "cosine_distance"}
    written = use1.write("books", rows, {"traceparent": parent(1)})
    token = {"x-isobath-min-token": written.token}
    ask(euw1, token | {"traceparent": parent(2)})
    far = {"x-isobath-on-stale": "remote", "x-isobath-wait-ms": "1", "traceparent": parent(3)}
    if ask(apne1, token | far).headers.get("x-isobath-served-by") != "use1":
        raise Wrong("the answer did not come from the region that has it")
    condition = {"upsert_rows": [{"id": 2, "vector": [0.8, 0.2]}], "upsert_condition": ["id", "Eq", None]}
    euw1.write("books", condition, {"traceparent": parent(4)})

    def all_there() -> bool:
        try:
            follow(Spans(file))
            return True
        except Wrong as missing:
            all_there.missing = missing
            return False

    try:
        wait_until(all_there, "all spans", 60, 0.2)
    except AssertionError:
        raise Wrong(f"{all_there.missing}\n{Spans(file)}") from None
    cluster.stop()
    return len(Spans(file).all)


def follow(spans: "Spans") -> None:
    """The write of trace 1, the query of trace 2, the remote query of trace 3, the forwarded write of trace 4."""
    written = spans.one(trace=trace(1), name="POST /v2/namespaces/{namespace}", region="use1", parent=PARENT)
    commit = spans.one(trace=trace(1), name="commit", region="use1", parent=written["spanId"])
    segment = commit["links"][0]["traceId"]
    root = spans.one(trace=segment, name="commit segment", region="use1", parent=None)
    if root["spanId"] != commit["links"][0]["spanId"]:
        raise Wrong("the write is linked to another segment")
    for name, region in [("copy segment", "euw1"), ("apply segment", "euw1"), ("fold segment", "use1"), ("fold segment", "euw1")]:
        spans.one(trace=segment, name=name, region=region, parent=root["spanId"])
    asked = spans.one(trace=trace(2), name="POST /v2/namespaces/{namespace}/query", region="euw1", parent=PARENT)
    viewed = spans.one(trace=trace(2), name="view", region="euw1", parent=asked["spanId"])
    if segment not in [link["traceId"] for link in viewed["links"]]:
        raise Wrong("the query is not linked to the write that it waited for")
    spans.one(trace=trace(2), name="search", region="euw1", parent=asked["spanId"])
    near = spans.one(trace=trace(3), name="POST /v2/namespaces/{namespace}/query", region="apne1", parent=PARENT)
    sent = spans.one(trace=trace(3), name="to region use1", region="apne1", parent=near["spanId"])
    there = spans.one(trace=trace(3), name="POST /v2/namespaces/{namespace}/query", region="use1", parent=sent["spanId"])
    spans.one(trace=trace(3), name="search", region="use1", parent=there["spanId"])
    taken = spans.one(trace=trace(4), name="POST /v2/namespaces/{namespace}", region="euw1", parent=PARENT)
    sent = spans.one(trace=trace(4), name="to region use1", region="euw1", parent=taken["spanId"])
    decided = spans.one(trace=trace(4), name="POST /v2/namespaces/{namespace}", region="use1", parent=sent["spanId"])
    spans.one(trace=trace(4), name="commit", region="use1", parent=decided["spanId"])


class Spans:
    """What a file holds."""

    def __init__(self, file: Path):
        lines = file.read_text().splitlines() if file.exists() else []
        self.all = [span for line in lines for span in read(json.loads(line))]

    def one(self, **what: str | None) -> dict:
        found = [span for span in self.all if all(span[key] == value for key, value in what.items())]
        if len(found) != 1:
            raise Wrong(f"{len(found)} spans have {what}")
        span = found[0]
        if int(span["endTimeUnixNano"]) < int(span["startTimeUnixNano"]):
            raise Wrong(f"ends before it begins: {span}")
        return span

    def __str__(self) -> str:
        keys = ("traceId", "spanId", "parent", "region", "name")
        return "\n".join(" ".join(str(span[key]) for key in keys) for span in self.all)


def read(body: dict) -> list[dict]:
    spans = []
    for of in body["resourceSpans"]:
        attributes = {a["key"]: a["value"]["stringValue"] for a in of["resource"]["attributes"]}
        for scope in of["scopeSpans"]:
            for span in scope["spans"]:
                extra = {"region": attributes["cloud.region"], "trace": span["traceId"], "parent": span.get("parentSpanId")}
                spans.append(span | extra)
    return spans


def ask(node, headers: dict[str, str]):
    answer = node.query("books", QUERY, headers)
    if answer.status != 200:
        raise Wrong(f"{node.name}: {answer}")
    return answer


def trace(number: int) -> str:
    return f"{number:032x}"


def parent(number: int) -> str:
    return f"00-{trace(number)}-{PARENT}-01"


def to_collector(home: Path) -> int:
    """Sends spans to a collector that is there only after a while, and refuses once; how many it got."""
    got: list[dict] = []
    refused = threading.Event()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            right = self.path == "/v1/traces" and self.headers["api-key"] == "secret"
            status = 200 if right and refused.is_set() else 503
            refused.set()
            if status == 200:
                got.extend(read(body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    bucket = local_bucket(home / "bucket")
    env = {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=secret"}
    node = Node(type(bucket)(bucket.url, env), home, SETTINGS | {"traces.endpoint": endpoint})
    node.start()
    node.client().namespace("books").write(upsert_rows=[{"id": 1, "vector": [0.1, 0.9]}], distance_metric="cosine_distance")
    wait_for(lambda: any(span["name"] == "commit" for span in got))
    node.client().namespace("books").query(rank_by=("id", "asc"), limit=1)
    node.stop()
    if not any(span["name"] == "search" for span in got):
        raise Wrong("what was recorded last was not handed over at the end")
    server.shutdown()
    return len(got)


def wait_for(met: Callable[[], bool]) -> None:
    wait_until(met, "the collector has the spans", 30, 0.1)


if __name__ == "__main__":
    main()
