"""Metrics: all are declared and described; dashboards and alerts name only what is there, and Prometheus itself evaluates
them on a live node; every alert fires where its condition is caused."""

import importlib.util
import json
import random
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from harness.node import REPO, Node
from harness.process import Process, free_port, wait_until
from harness.regions import Cluster
from harness.servers import Minio, answers, tool
from recovery.program import run

from .declared import PAGE, Metric, metrics, page

PROMETHEUS = REPO / "ops/prometheus"
GRAFANA = REPO / "ops/grafana"
NAME = re.compile(r"\bisobath_\w+")
DIMENSIONS = 8
SETTINGS = {
    "fold.pause": "200ms",
    "fold.interval": "100ms",
    "fold.min_part_bytes": "1kB",
    "fold.checkpoint_interval": "200ms",
    "index.min_rows_for_graph": "200",
    "log.tail_interval_idle": "300ms",
    "audit.enabled": "true",
    "audit.interval": "100ms",
}
# What is recorded where there are several regions; of it what a test of seconds does not cause.
REGIONAL = {
    "isobath_region_up",
    "isobath_breaker_open",
    "isobath_region_round_trip_seconds",
    "isobath_replication_lag_seconds",
    "isobath_replication_held_seq",
    "isobath_staleness_seconds",
    "isobath_write_concern_seconds",
}
REGIONAL_RARE = {
    "isobath_breaker_opened_total",
    "isobath_read_repair_total",
    "isobath_replication_hints_dropped_total",
    "isobath_conflicts_total",
}
# What a test of seconds cannot make happen, or not for sure: a takeover in the middle of a write, the deletion of what is a
# day old, a cache that is full, a first query before the namespace is open, a filter over a part that is large enough to
# remember its rows, a search that waits for a thread.
RARE = {
    "isobath_cache_fetched_bytes_total",
    "isobath_cold_searches_total",
    "isobath_cold_requests_total",
    "isobath_cold_bytes_total",
    "isobath_filter_cache_lookups_total",
    "isobath_search_queue",
    "isobath_void_segments_total",
    "isobath_gc_deleted_total",
    "isobath_floor_seq",
    "isobath_cache_evicted_bytes_total",
    "isobath_http_denied_total",
} | REGIONAL_RARE


class Wrong(AssertionError):
    """A metric, a panel or an alert that is not as it should be."""


def main() -> None:
    run("metrics, dashboards and alerts", check)


def check(home: Path) -> str:
    declared = metrics()
    if PAGE.read_text() != page():
        raise Wrong("docs/metrics.md is not what the code says: python3 tests/ops/declared.py")
    panels, alerts = expressions_of_dashboards(), expressions_of_alerts()
    known = {series: metric for metric in declared.values() for series in metric.series()}
    for place, expr in [*panels, *alerts]:
        check_names(place, expr, known)
    promtool("check", "rules", PROMETHEUS / "isobath.rules.yml")
    promtool("check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")
    promtool("test", "rules", PROMETHEUS / "isobath.test.yml")
    check_alerts_are_tested()
    live = on_live_nodes(home, panels + alerts, known)
    return f"{len(declared)} declared, {live} of them live, {len(panels)} panels' lines, {len(alerts)} alerts fire"


def expressions_of_dashboards() -> list[tuple[str, str]]:
    """Every expression, with where it stands; the files are what their generator writes."""
    spec = importlib.util.spec_from_file_location("generate", GRAFANA / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    found = []
    for name, text in generate.files().items():
        if (GRAFANA / name).read_text() != text:
            raise Wrong(f"ops/grafana/{name} is not what its generator writes: python3 ops/grafana/generate.py")
        for panel in json.loads(text)["panels"]:
            found += [(f"{name}: {panel['title']}", target["expr"]) for target in panel["targets"]]
    if {path.name for path in GRAFANA.glob("*.json")} != set(generate.files()):
        raise Wrong("ops/grafana holds dashboards that its generator does not write")
    return found


def expressions_of_alerts() -> list[tuple[str, str]]:
    rules = yaml.safe_load((PROMETHEUS / "isobath.rules.yml").read_text())["groups"]
    found = []
    for rule in (rule for group in rules for rule in group["rules"]):
        page_of, _, heading = rule["annotations"]["runbook"].partition("#")
        if heading not in headings(REPO / page_of):
            raise Wrong(f"{rule['alert']}: there is no heading {heading} in {page_of}")
        found.append((rule["alert"], rule["expr"]))
    return found


def headings(path: Path) -> set[str]:
    """The anchors of a page, as its headings make them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def check_names(place: str, expr: str, known: dict[str, Metric]) -> None:
    names = set(NAME.findall(expr))
    if not names and "up{" not in expr:
        raise Wrong(f"{place} names no metric: {expr}")
    for name in names - set(known):
        raise Wrong(f"{place} names {name}, which nobody records")


def promtool(*words: object) -> str:
    return output([tool("promtool"), *words])


def output(words: list, given: str | None = None) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, input=given, timeout=180)
    if done.returncode != 0:
        raise Wrong(f"{Path(words[0]).name} {' '.join(map(str, words[1:]))}: {done.stdout}{done.stderr}")
    return done.stdout


def check_alerts_are_tested() -> None:
    tests = (PROMETHEUS / "isobath.test.yml").read_text()
    for alert, _ in expressions_of_alerts():
        if not re.search(rf'alertname="{alert}", alertstate="firing".*value: 1', tests):
            raise Wrong(f"no test fires {alert}")


def on_live_nodes(home: Path, expressions: list[tuple[str, str]], known: dict[str, Metric]) -> int:
    """Has two nodes do a bit of everything; how many metrics they record."""
    bucket = Minio(home / "minio").bucket()
    first = Node(bucket, home / "first", SETTINGS)
    first.start()
    second = Node(bucket, home / "second", SETTINGS | {"roles": "query"})
    second.start()
    prometheus = start_prometheus(home / "prometheus", [first, second])
    ask(first, second)
    third = Node(bucket, home / "third", SETTINGS | {"roles": "query"})
    third.start()
    third.client(max_retries=8).namespace("books").query(rank_by=("vector", "ANN", [0.1] * DIMENSIONS), limit=3)
    recorded = set()
    for node in (first, second, third):
        text = node.get("/metrics")[1]
        output([tool("promtool"), "check", "metrics"], text)
        recorded |= check_page(text, known)
    named = {known[name].name for _, expr in expressions for name in NAME.findall(expr)}
    recorded |= on_regions(home / "regions", known)
    if missing := named - recorded - RARE:
        raise Wrong(f"no node records {sorted(missing)}")
    evaluate(prometheus, expressions)
    for node in (third, second, first):
        node.stop()
    return len(recorded)


def on_regions(home: Path, known: dict[str, Metric]) -> set[str]:
    """Has three regions copy a write; the metrics that they record."""
    cluster = Cluster(home, "file")
    cluster.start()
    rows = {"upsert_rows": [{"id": 1, "vector": [0.1, 0.9]}], "distance_metric": "cosine_distance"}
    use1, euw1, apne1 = cluster.alive()
    written = use1.write("books", rows | {"write_concern": {"regions": 3}})
    euw1.query("books", {"rank_by": ["id", "asc"], "limit": 1}, {"x-isobath-min-token": written.token})
    recorded: set[str] = set()

    def all_there() -> bool:
        for node in (use1, euw1, apne1):
            recorded.update(check_page(node.get("/metrics")[1], known, node.name))
        return recorded >= REGIONAL

    try:
        wait_until(all_there, "the metrics of regions", 60, 0.3)
    except AssertionError:
        raise Wrong(f"no region records {sorted(REGIONAL - recorded)}") from None
    cluster.stop()
    return recorded


def ask(first: Node, second: Node) -> None:
    """Writes, also over a node that does not own the log, and twice; searches with a filter until there is a graph."""
    chance = random.Random(9)
    rows = {row: [chance.gauss(0, 1) for _ in range(DIMENSIONS)] for row in range(300)}
    columns = {"id": list(rows), "vector": list(rows.values()), "n": [row % 3 for row in rows]}
    books = second.client(max_retries=8).namespace("books")
    books.write(upsert_columns=columns, distance_metric="euclidean_squared")
    for _ in range(2):
        books.write(upsert_rows=[{"id": 1, "n": 1, "vector": rows[1]}], distance_metric="euclidean_squared",
                    extra_headers={"Idempotency-Key": "one"})
    deadline = time.monotonic() + 120
    while True:
        answer = books.query(rank_by=("vector", "ANN", rows[7]), limit=3, filters=("n", "Eq", 1))
        plain = first.client().namespace("books").query(rank_by=("vector", "ANN", rows[7]), limit=3)
        if plain.performance.model_extra.get("path") == "graph" and answer.rows:
            return
        if time.monotonic() > deadline:
            raise Wrong(f"no graph after 120 s\n{first.process.tail()}")
        time.sleep(0.2)


def check_page(text: str, known: dict[str, Metric], region: str = "use1") -> set[str]:
    """Every sample belongs to a declared metric of its kind, has its help and its region; the names of all of them."""
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\w+) (.+)$", text, re.MULTILINE))
    found = set()
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        series = re.match(r"\w+", line)[0]
        if series not in known:
            raise Wrong(f"{series} is recorded and not declared")
        metric = known[series]
        if kinds.get(metric.name) != metric.kind:
            raise Wrong(f"{metric.name} is a {kinds.get(metric.name)} and declared a {metric.kind}")
        if helps.get(metric.name) != metric.help:
            raise Wrong(f"{metric.name} says {helps.get(metric.name)!r} and is declared to say {metric.help!r}")
        if f'region="{region}"' not in line:
            raise Wrong(f"no region: {line}")
        found.add(metric.name)
    return found


def start_prometheus(home: Path, nodes: list[Node]) -> str:
    """Prometheus with the project's own settings, asking these nodes every second; where it listens."""
    home.mkdir(parents=True)
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(PROMETHEUS / name) for name in config["rule_files"]]
    config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{node.port}" for node in nodes]}]
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [tool("prometheus"), f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}"]
    Process([*command, f"--web.listen-address=127.0.0.1:{port}"], home / "log")
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{url}/-/ready"), "Prometheus is up", 60, 0.1)
    return url


def evaluate(prometheus: str, expressions: list[tuple[str, str]]) -> None:
    """Prometheus takes every expression, and those of panels have an answer unless what they show is rare."""
    wait_until(lambda: value(prometheus, 'min(count_over_time(up{job="isobath"}[1m]))') >= 8, "eight looks at each node", 120, 0.5)
    for place, expr in expressions:
        filled = expr.replace("$__rate_interval", "30s").replace("$region", ".*").replace("$instance", ".*")
        filled = re.sub(r"\[1[hd]\]", "[30s]", filled)
        results = query(prometheus, filled)
        names = {name.removesuffix("_bucket").removesuffix("_count") for name in NAME.findall(expr)}
        rare = names & (RARE | REGIONAL) or 'status=~"' in expr or "cold" in expr
        if place[0] != "I" and not results and not rare:
            raise Wrong(f"{place} shows nothing: {filled}")


def value(prometheus: str, expr: str) -> float:
    results = query(prometheus, expr)
    return float(results[0]["value"][1]) if results else 0.0


def query(prometheus: str, expr: str) -> list:
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())["data"]["result"]
    except urllib.error.HTTPError as refused:
        raise Wrong(f"Prometheus refuses {expr}: {refused.read().decode()}") from None


if __name__ == "__main__":
    main()
