"""The metrics as the code declares them, and the page that describes them.

    python3 tests/ops/declared.py      writes docs/metrics.md
"""

import re
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PAGE = REPO / "docs/metrics.md"
CRATES = ["src", "storage/src", "compactor/src", "query/src"]
ONE = re.compile(r'((?:^ *///.*\n)+) *(counter|gauge|histogram) (?:pub(?:\(\w+\))? )?\w+ = "(\w+)";', re.MULTILINE)


@dataclass(frozen=True)
class Metric:
    """A metric with its kind and what it says."""

    kind: str
    name: str
    help: str
    source: str

    def series(self) -> set[str]:
        """What it is called on the page /metrics."""
        if self.kind == "histogram":
            return {f"{self.name}_{part}" for part in ("bucket", "sum", "count")}
        return {self.name}


def metrics() -> dict[str, Metric]:
    """All of them by name."""
    found = {}
    for crate in CRATES:
        for path in sorted((REPO / crate).rglob("*.rs")):
            text = path.read_text()
            if "declare_metrics! {" not in text:
                continue
            for comment, kind, name in ONE.findall(text):
                said = " ".join(line.strip().removeprefix("///").strip() for line in comment.splitlines())
                found[name] = Metric(kind, name, said, str(path.relative_to(REPO)))
    return found


def page() -> str:
    """What docs/metrics.md holds."""
    lines = [
        "# Metrics",
        "",
        "Every node answers `GET /metrics` in the text format of Prometheus, without a key. Each metric also has the label",
        "`region`. One that never happened is not there yet. Histograms have fixed buckets, so that those of several nodes",
        "can be added.",
        "",
        "[Dashboards](../ops/grafana/) and [alerts](../ops/prometheus/) use them. `python3 tests/ops/declared.py` writes",
        "this page from what the code says.",
        "",
        "| metric | kind | |",
        "|---|---|---|",
    ]
    lines += [f"| `{metric.name}` | {metric.kind} | {metric.help} |" for _, metric in sorted(metrics().items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
