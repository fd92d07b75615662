"""The sample data: rows, queries, and who the nearest rows are.

The project holds the first 2,000 rows; the whole set lies where $ISOBATH_DATA says, else beside the
checkout. Row ids are row numbers.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .node import REPO

SLICE = REPO / "testdata/wordnet"
WHOLE = Path(os.environ.get("ISOBATH_DATA") or REPO / "../shared/data") / "wordnet"
ATTRIBUTES = ["text", "pos", "domain", "n_lemmas", "gloss_len", "synset_offset"]

# The filters of the ground truth by name: what a query says, and how rows are chosen.
FILTERS = {
    "plain": (None, None),
    "pos_v": (("pos", "Eq", "v"), ("pos", np.equal, "v")),
    "domain_1pct": (("domain", "Eq", "verb.social"), ("domain", np.equal, "verb.social")),
    "lemmas_ge3": (("n_lemmas", "Gte", 3), ("n_lemmas", np.greater_equal, 3)),
}


@dataclass(frozen=True)
class Sample:
    """Some rows, and queries with the ids of the rows nearest to them, nearest first."""

    rows: pa.Table
    queries: np.ndarray
    truth: dict[str, np.ndarray]

    @property
    def half(self) -> bool:
        """Whether the vectors are of 16-bit floats."""
        return pa.types.is_float16(self.rows.schema.field("vector").type.value_type)

    def batches(self, size: int) -> Iterator[dict[str, list]]:
        """The rows as columns for a write, `size` rows at a time."""
        for start in range(0, self.rows.num_rows, size):
            batch = self.rows.slice(start, size)
            columns = {name: batch[name].to_pylist() for name in ["id", *ATTRIBUTES]}
            yield {**columns, "vector": vectors(batch).tolist()}


def load(rows: int) -> Sample:
    """The first `rows` rows: all 115,659, the 2,000 of the project, or any other prefix."""
    if rows == 2000:
        table = pq.read_table(SLICE / "slice2k.parquet")
        queries = read_fbin(SLICE / "slice2k_query.fbin")
        return Sample(table, queries, read_truth(SLICE, "slice2k_gt_query"))
    if not WHOLE.is_dir():
        raise FileNotFoundError(f"the whole data set is not at {WHOLE}; ISOBATH_DATA says where")
    table = pq.read_table(WHOLE / "base_f16.parquet")
    queries = read_fbin(WHOLE / "query.fbin")
    if rows >= table.num_rows:
        return Sample(table, queries, read_truth(WHOLE, "gt_query"))
    prefix = table.slice(0, rows)
    return Sample(prefix, queries, exact_truth(prefix, queries))


def read_fbin(path: Path) -> np.ndarray:
    """Vectors of 32-bit floats: counts, then the numbers."""
    rows, dims = np.fromfile(path, "<u4", 2)
    return np.fromfile(path, "<f4", offset=8).reshape(rows, dims)


def read_truth(folder: Path, stem: str) -> dict[str, np.ndarray]:
    def ids(name: str) -> np.ndarray:
        path = folder / (f"{stem}.ibin" if name == "plain" else f"{stem}_{name}.ibin")
        queries, found = np.fromfile(path, "<u4", 2)
        return np.fromfile(path, "<u4", queries * found, offset=8).reshape(queries, found)

    return {name: ids(name) for name in FILTERS}


def exact_truth(rows: pa.Table, queries: np.ndarray, nearest: int = 10) -> dict[str, np.ndarray]:
    """The ids nearest by cosine among all `rows` and under each filter."""
    base = vectors(rows)
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    similar = queries @ base.T

    def ids(chosen: tuple | None) -> np.ndarray:
        if chosen is None:
            candidates = np.arange(rows.num_rows)
        else:
            name, compare, value = chosen
            column = rows[name].to_numpy(zero_copy_only=False)
            candidates = np.flatnonzero(compare(column, value))
        order = np.argsort(-similar[:, candidates], axis=1, kind="stable")
        return candidates[order[:, :nearest]]

    return {name: ids(chosen) for name, (_, chosen) in FILTERS.items()}


def vectors(rows: pa.Table) -> np.ndarray:
    """The vectors, as 32-bit floats."""
    flat = rows["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.astype(np.float32).reshape(rows.num_rows, -1)
