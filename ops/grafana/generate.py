#!/usr/bin/env python3
"""Writes the dashboards beside this file: `python3 ops/grafana/generate.py`. A test compares them with what it writes."""

import json
from pathlib import Path

HERE = Path(__file__).parent
ROUTE_OF_QUERIES = "/v2/namespaces/{namespace}/query"
ROUTE_OF_WRITES = "/v2/namespaces/{namespace}"
CHOSEN = 'region=~"$region",instance=~"$instance"'


def rate(metric: str, labels: str = "") -> str:
    return f"rate({metric}{{{CHOSEN}{',' if labels else ''}{labels}}}[$__rate_interval])"


def quantile(q: float, metric: str, by: str, labels: str = "") -> str:
    return f"histogram_quantile({q}, sum by (le, {by}) ({rate(metric + '_bucket', labels)}))"


def value(metric: str, labels: str = "") -> str:
    return f"{metric}{{{CHOSEN}{',' if labels else ''}{labels}}}"


def latency(title: str, metric: str, labels: str, about: str) -> tuple:
    lines = [(quantile(q, metric, "region", labels), f"{{{{region}}}} p{name}") for q, name in ((0.5, "50"), (0.99, "99"))]
    return title, "s", lines, about


def ratio(title: str, part: str, whole: str, legend: str, by: str, about: str) -> tuple:
    return title, "percentunit", [(f"sum by ({by}) ({part}) / sum by ({by}) ({whole})", legend)], about


REQUESTS = "isobath_http_requests_total"
REFUSED = rate(REQUESTS, 'status=~"4.."')
DASHBOARDS = {
    "overview": ("isobath: overview", [
        ("Nodes up", "none", [('sum by (region) (up{job="isobath",region=~"$region"})', "{{region}}")], "Nodes that answer when they are asked for their metrics."),
        ("Requests", "reqps", [(f"sum by (region, route) ({rate(REQUESTS)})", "{{region}} {{route}}")], "Answers per second."),
        ratio("Failed", rate(REQUESTS, 'status=~"5.."'), rate(REQUESTS), "{{region}}", "region", "The share of answers that say it is the server's fault."),
        ("Refused", "reqps", [(f"sum by (region, status) ({REFUSED})", "{{region}} {{status}}")], "429: more than the node takes at once. 401, 403: keys."),
        latency("Queries", "isobath_http_request_seconds", f'route="{ROUTE_OF_QUERIES}"', "From the arrival of a request to the head of its answer."),
        latency("Writes", "isobath_http_request_seconds", f'route="{ROUTE_OF_WRITES}",method="POST"', "The same for writes."),
        ("Stages of a commit, p99", "s", [(quantile(0.99, "isobath_append_latency_seconds", "region, stage"), "{{region}} {{stage}}")], "batch: waiting for the segment to be closed; put: creating it; ack: all of it."),
        ("Creates of segments", "ops", [(f"sum by (region, outcome) ({rate('isobath_put_outcome_total')})", "{{region}} {{outcome}}")], "fenced: another process took the log over. self_recognised: the answer of a create was lost, and the segment is there."),
        ("Segments in flight", "none", [(f"sum by (region) ({value('isobath_pipeline_depth')})", "{{region}}")], "At log.window the bucket is the bottleneck."),
        ("Claims of the log", "none", [(f"sum by (region) (increase(isobath_log_claims_total{{{CHOSEN}}}[1h]))", "{{region}}")], "Takeovers in an hour."),
        ("Last segment applied", "none", [(value("isobath_applied_seq"), "{{instance}} {{origin}}")], "Nodes of one region go side by side."),
        ("Clock", "s", [(value("isobath_hlc_skew_seconds"), "{{instance}}")], "By how much the newest segment is ahead of the machine's clock."),
    ]),
    "query": ("isobath: query", [
        ("Searches", "ops", [(f"sum by (region, path) ({rate('isobath_searches_total')})", "{{region}} {{path}}")], "By how they went through the rows."),
        latency("Queries", "isobath_http_request_seconds", f'route="{ROUTE_OF_QUERIES}"', "From the arrival of a request to the head of its answer."),
        ("Rows looked at per search", "none", [(f"sum by (region) ({rate('isobath_search_rows_scanned_total')}) / sum by (region) ({rate('isobath_searches_total')})", "{{region}}")], "Many: filters that let few rows through, or rows without an index."),
        ("Waiting for a thread", "none", [(value("isobath_search_queue"), "{{instance}}")], "Queries that wait: more threads or more nodes."),
        ratio("Filters found in the cache", rate("isobath_filter_cache_lookups_total", 'found="true"'), rate("isobath_filter_cache_lookups_total"), "{{region}}", "region", "The share of filters whose rows were known."),
        ratio("Objects found on the disk", rate("isobath_cache_lookups_total", 'found="true"'), rate("isobath_cache_lookups_total"), "{{region}}", "region", "The share of objects that did not have to be fetched."),
        ("Cache", "bytes", [(value("isobath_cache_bytes"), "{{instance}}")], "Bytes of objects on the disk."),
        ("Fetched and evicted", "Bps", [(f"sum by (region) ({rate('isobath_cache_fetched_bytes_total')})", "{{region}} fetched"), (f"sum by (region) ({rate('isobath_cache_evicted_bytes_total')})", "{{region}} evicted")], "What is evicted all the time does not fit: cache.max_bytes."),
        ("First queries", "ops", [(f"sum by (region) ({rate('isobath_cold_searches_total')})", "{{region}}")], "Queries answered by codes and single vectors out of the bucket."),
        ("Requests and bytes of a first query", "short", [(f"sum by (region) ({rate('isobath_cold_requests_total')}) / sum by (region) ({rate('isobath_cold_searches_total')})", "{{region}} requests"), (f"sum by (region) ({rate('isobath_cold_bytes_total')}) / sum by (region) ({rate('isobath_cold_searches_total')})", "{{region}} bytes")], "On the average."),
        ("Indexes waiting", "none", [(value("isobath_index_queue"), "{{instance}}")], "Parts that wait for codes or an index."),
        ("Indexes built", "ops", [(f"sum by (region, outcome) ({rate('isobath_index_builds_total')})", "{{region}} {{outcome}}")], "A failed build is tried again."),
        ("Time of a build", "s", [(quantile(0.5, "isobath_index_build_seconds", "region"), "{{region}} p50"), (quantile(0.99, "isobath_index_build_seconds", "region"), "{{region}} p99")], "From the start of a build to its end."),
        ("Parts", "none", [(value("isobath_parts"), "{{instance}}")], "Of all namespaces together; merging makes them fewer."),
    ]),
    "replication": ("isobath: replication", [
        ("Regions that answer", "none", [(value("isobath_region_up"), "{{region}} to {{peer}}")], "1 while a region answers another."),
        ("Not asked", "none", [(value("isobath_breaker_open"), "{{region}} to {{peer}}")], "1 while a region is asked nothing but whether it lives: it is slow, or fails."),
        ("Times that began", "none", [(f"sum by (region, peer) (increase(isobath_breaker_opened_total{{{CHOSEN}}}[1h]))", "{{region}} to {{peer}}")], "In an hour."),
        ("Round trips", "s", [(quantile(q, "isobath_region_round_trip_seconds", "region, peer"), f"{{{{region}}}} to {{{{peer}}}} p{name}") for q, name in ((0.5, "50"), (0.99, "99"))], "Pings of other regions."),
        ("From commit to copy, p99", "s", [(quantile(0.99, "isobath_replication_lag_seconds", "origin, dest, path"), "{{origin}} to {{dest}} {{path}}")], "hint: pushed; relay: read from the origin's bucket; readthrough: the stores left it out. By the clocks of both."),
        ("Copies", "ops", [(f"sum by (origin, dest, path) ({rate('isobath_replication_lag_seconds_count')})", "{{origin}} to {{dest}} {{path}}")], "Segments per second."),
        ("Last segment held", "none", [(value("isobath_replication_held_seq"), "{{dest}}: {{origin}}")], "Up to where a bucket holds the log of another region."),
        ("Last segment applied", "none", [(value("isobath_applied_seq"), "{{instance}} {{origin}}")], "Up to where the answers of a node hold each log."),
        ("Behind by", "s", [(value("isobath_staleness_seconds"), "{{instance}} {{origin}}")], "At most: what a region wrote so long ago is there."),
        ("Wait for copies", "s", [(quantile(q, "isobath_write_concern_seconds", "region"), f"{{{{region}}}} p{name}") for q, name in ((0.5, "50"), (0.99, "99"))], "Writes that asked for several regions, after their commit."),
        ("Copies made again", "none", [(f"sum by (origin, dest) (increase(isobath_read_repair_total{{{CHOSEN}}}[1h]))", "{{origin}} to {{dest}}")], "That were missing, in an hour. Who deletes them?"),
        ("Pushes not taken", "none", [(f"sum by (region, origin) (increase(isobath_replication_hints_dropped_total{{{CHOSEN}}}[1h]))", "{{region}} from {{origin}}")], "In an hour; they are read from the origin's bucket instead."),
        ("Conflicts", "ops", [(f"sum by (region) ({rate('isobath_conflicts_total')})", "{{region}}")], "Writes that were lost to others of which they did not know, nor these of them."),
    ]),
    "storage-cost": ("isobath: storage and cost", [
        ("Dollars a day", "currencyUSD", [("sum by (region, op) (increase(isobath_estimated_dollars{region=~\"$region\"}[1d]))", "{{region}} {{op}}")], "Requests of the last 24 hours by the clouds' list prices; bytes are not in it."),
        ("Dollars a month at this rate", "currencyUSD", [("sum by (region) (rate(isobath_estimated_dollars{region=~\"$region\"}[1h])) * 2592000", "{{region}}")], "The last hour, for 30 days."),
        ("Requests to the store", "reqps", [(f"sum by (region, op) ({rate('isobath_requests_total')})", "{{region}} {{op}}")], "Every one is paid for, those that fail included."),
        ("Bytes to and from the store", "Bps", [(f"sum by (region, op) ({rate('isobath_request_bytes_total')})", "{{region}} {{op}}")], "Bodies of objects."),
        ("Bytes of a segment", "bytes", [(quantile(0.5, "isobath_batch_bytes", "region"), "{{region}} p50"), (quantile(0.99, "isobath_batch_bytes", "region"), "{{region}} p99")], "Small ones all the time: log.min_put_interval trades requests for latency."),
        ("Mutations of a segment", "none", [(quantile(0.5, "isobath_batch_ops", "region"), "{{region}} p50"), (quantile(0.99, "isobath_batch_ops", "region"), "{{region}} p99")], "What one request to the store carries."),
        ("Deleted from the bucket", "none", [(f"sum by (region) (increase(isobath_gc_deleted_total{{{CHOSEN}}}[1d]))", "{{region}}")], "Objects that nobody needed any more, in 24 hours."),
        ("Deleted up to", "none", [(value("isobath_floor_seq"), "{{instance}}")], "The last segment that is gone; it rises once a day by default."),
        ("Repeats suppressed", "ops", [(f"sum by (region) ({rate('isobath_dup_suppressed_total')})", "{{region}}")], "Writes that clients sent again and that were there."),
        ("Void segments", "none", [(f"sum by (region) (increase(isobath_void_segments_total{{{CHOSEN}}}[1h]))", "{{region}}")], "Writes of an owner that had lost the log; never acknowledged."),
    ]),
}


def panel(number: int, title: str, unit: str, lines: list, about: str) -> dict:
    place = {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)}
    source = {"type": "prometheus", "uid": "${datasource}"}
    targets = [
        {"refId": chr(ord("A") + at), "expr": expr, "legendFormat": legend, "datasource": source}
        for at, (expr, legend) in enumerate(lines)
    ]
    return {
        "id": number + 1, "type": "timeseries", "title": title, "description": about, "gridPos": place, "datasource": source,
        "fieldConfig": {"defaults": {"unit": unit, "custom": {"fillOpacity": 8}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }


def variable(name: str, query: str) -> dict:
    return {
        "name": name, "type": "query", "query": query, "multi": True, "includeAll": True, "refresh": 2, "sort": 1,
        "datasource": {"type": "prometheus", "uid": "${datasource}"}, "current": {"text": "All", "value": "$__all"},
    }


def dashboard(uid: str, title: str, panels: list) -> dict:
    return {
        "uid": f"isobath-{uid}", "title": title, "tags": ["isobath"], "schemaVersion": 39, "editable": True, "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus"},
            variable("region", f"label_values({REQUESTS}, region)"),
            variable("instance", f'label_values({REQUESTS}{{region=~"$region"}}, instance)'),
        ]},
        "panels": [panel(number, *parts) for number, parts in enumerate(panels)],
    }


def files() -> dict[str, str]:
    """What each file holds."""
    made = {name: dashboard(name, *parts) for name, parts in DASHBOARDS.items()}
    return {f"{name}.json": json.dumps(content, indent=1) + "\n" for name, content in made.items()}


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text)
