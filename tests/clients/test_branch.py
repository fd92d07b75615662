"""Branches, and copies that take over parts by reference: of what is folded, of what is not, and of what was."""

import datetime
import json
import time
import urllib.request
from pathlib import Path

import pytest
import turbopuffer

from harness.node import Node, local_bucket
from harness.process import wait_until

from .conftest import shown

SETTINGS = {
    "fold.min_rows": "50",
    "fold.pause": "200ms",
    "fold.interval": "50ms",
    "fold.min_part_bytes": "1kB",
    "fold.checkpoint_interval": "300ms",
}

ROWS = 400


def rows(namespace) -> list[dict]:
    return shown(namespace.query(rank_by=("id", "asc"), limit=10_000, include_attributes=True).rows)


def fill(namespace, count: int = ROWS, start: int = 0) -> None:
    ids = range(start, start + count)
    namespace.write(upsert_columns={"id": list(ids), "vector": [[at, 1, at % 7] for at in ids],
                                    "text": [f"word{at % 10} tail" for at in ids], "n": [at % 5 for at in ids]},
                    distance_metric="euclidean_squared", schema={"text": {"type": "string", "full_text_search": True}})


def objects(node: Node, pattern: str) -> set[Path]:
    return set(Path(node.bucket.url.removeprefix("file://")).glob(pattern))


@pytest.fixture(scope="module")
def branching(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("branching")
    node = Node(local_bucket(home / "bucket"), home / "node", SETTINGS)
    node.start()
    yield node
    node.stop()


@pytest.fixture
def source(branching, request):
    """Rows in a part, with some that are patched and deleted since."""
    found = branching.client().namespace(f"{request.node.originalname}-source")
    fill(found)
    wait_until(lambda: found.metadata().approx_row_count == ROWS, "the rows lie in parts", 60)
    found.write(patch_rows=[{"id": 7, "n": 100}], deletes=[0, 399])
    return found


@pytest.fixture
def branch(branching, source):
    return branching.client().namespace(source.id.replace("-source", "-branch"))


def test_a_branch_has_the_rows_and_the_schema_and_no_part_of_its_own_vectors(branching, source, branch):
    written = branch.write(branch_from_namespace=source.id)
    assert (written.rows_affected, written.rows_upserted) == (ROWS - 2, ROWS - 2)
    assert rows(branch) == rows(source)
    assert branch.schema() == source.schema()
    large = max(path.stat().st_size for path in objects(branching, f"data/{source.id}/part/*"))
    own = sum(path.stat().st_size for path in objects(branching, f"data/{branch.id}/part/*"))
    assert own < large / 2, "the rows of the source's part are not written again"


def test_searches_filters_and_texts_on_a_branch(source, branch):
    branch.write(branch_from_namespace={"source_namespace": source.id})
    for query in (
        {"rank_by": ("vector", "ANN", [50, 1, 1]), "limit": 5},
        {"rank_by": ("text", "BM25", "word3"), "limit": 50},
        {"rank_by": ("id", "asc"), "filters": ("n", "Eq", 2), "limit": 500},
        {"rank_by": ("vector", "ANN", [9, 9, 9]), "filters": ("n", "Gt", 3), "limit": 9},
    ):
        mine, theirs = branch.query(**query), source.query(**query)
        assert [(row.id, row["$dist"] if "$dist" in row else None) for row in mine.rows] \
            == [(row.id, row["$dist"] if "$dist" in row else None) for row in theirs.rows], query
    found = branch.query(aggregate_by={"all": ("Count",)})
    assert found.aggregations == {"all": ROWS - 2}


def test_both_sides_go_their_own_ways(branching, source, branch):
    branch.write(branch_from_namespace=source.id)
    before = rows(branch)
    source.write(deletes=[1], patch_rows=[{"id": 2, "n": 77}], upsert_rows=[{"id": 3, "vector": [0, 0, 0]}])
    assert rows(branch) == before
    of_source = rows(source)
    branch.write(deletes=[4, 5], patch_rows=[{"id": 6, "n": 66}], upsert_rows=[{"id": 1000, "vector": [1, 2, 3]}])
    branch.write(upsert_rows=[{"id": 8, "vector": [0, 0, 1], "n": 1}, {"id": 2000, "vector": [1, 2, 3], "n": 1}],
                 upsert_condition=("n", "Eq", 3))
    branch.write(delete_by_filter=("n", "Eq", 4))
    assert rows(source) == of_source
    expected = {row["id"]: row for row in before}
    for gone in (4, 5, *(key for key, row in expected.items() if row.get("n") == 4)):
        expected.pop(gone, None)
    expected[6]["n"] = 66
    expected[1000] = {"id": 1000, "vector": [1, 2, 3]}
    expected[2000] = {"id": 2000, "vector": [1, 2, 3], "n": 1}
    expected[8] = {"id": 8, "vector": [0, 0, 1], "n": 1}
    expected = [expected[key] for key in sorted(expected)]
    assert rows(branch) == expected
    source.delete_all()
    assert rows(branch) == expected
    grand = branching.client().namespace(f"{branch.id}-grand")
    grand.write(branch_from_namespace=branch.id)
    branch.delete_all()
    assert rows(grand) == expected
    source.write(branch_from_namespace=grand.id)
    grand.write(deletes=[1000])
    assert rows(source) == expected


def test_a_branch_outlives_its_nodes_and_is_seen_by_others(branching, source, branch, tmp_path):
    branch.write(branch_from_namespace=source.id)
    branch.write(deletes=[10])
    expected = rows(branch)
    follower = Node(branching.bucket, tmp_path / "follower", SETTINGS | {"roles": "query"})
    follower.start()
    seen = follower.client().namespace(branch.id)
    assert rows(seen) == expected
    late = follower.client().namespace(f"{branch.id}-late")
    branching.client().namespace(late.id).write(branch_from_namespace=branch.id)
    assert late.id in {found.id for found in follower.client().namespaces(prefix=late.id)}
    assert rows(late) == expected
    branching.kill()
    branching.forget_cache()
    branching.start()
    assert rows(branch) == expected
    assert rows(late) == expected
    branch.write(deletes=[11])
    assert rows(seen) == [row for row in expected if row["id"] != 11]
    follower.stop()


def test_a_copy_of_many_rows_is_by_reference(branching, source, branch):
    written = branch.write(copy_from_namespace=source.id)
    assert written.rows_upserted == ROWS - 2
    assert rows(branch) == rows(source)


def test_a_name_is_used_again_for_another_branch(source, branch):
    branch.write(branch_from_namespace=source.id)
    branch.delete_all()
    source.write(deletes=[20])
    branch.write(branch_from_namespace=source.id)
    assert rows(branch) == rows(source)
    assert 20 not in {row["id"] for row in rows(branch)}


def test_a_drop_is_not_undone(source, branch):
    source.write(schema={"n": {"drop": True}})
    branch.write(branch_from_namespace=source.id)
    branch.write(patch_rows=[{"id": 1, "n": 5}])
    assert {row["id"]: row["n"] for row in rows(branch) if "n" in row} == {1: 5}


def as_of(namespace, source, at: str, field: str = "branch_from_namespace"):
    return namespace.write(extra_body={field: {"source_namespace": source.id, "as_of": at}})


def test_a_branch_of_what_was(branching, source, branch):
    moments = []
    for turn in range(6):
        written = source.write(patch_rows=[{"id": 50, "n": 1000 + turn}], deletes=[60 + turn])
        moments.append((written.committed_at, rows(source)))
        time.sleep(0.25)
    fill(source, 30, 5_000)
    for turn, (at, expected) in enumerate(moments):
        past = branching.client().namespace(f"{branch.id}-{turn}")
        as_of(past, source, at, ["branch_from_namespace", "copy_from_namespace"][turn % 2])
        assert rows(past) == expected, f"as of {at}"
    past.write(deletes=[50])
    assert len(rows(past)) == len(moments[-1][1]) - 1


def test_times_that_cannot_be_had(source, branch):
    now, hour = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(hours=1)
    beyond = "further back than what is kept"
    for at, said in (((now + hour).isoformat(), "past"), ("soon", "as_of"), ("2001-01-01T00:00:00Z", beyond)):
        with pytest.raises(turbopuffer.BadRequestError, match=said):
            as_of(branch, source, at)
    with pytest.raises(turbopuffer.NotFoundError, match="did not exist"):
        as_of(branch, source, (now - hour).isoformat())
    assert not branch.exists()


def test_what_cannot_be_branched(branching, source, branch):
    missing = f"{branch.id}-missing"
    with pytest.raises(turbopuffer.NotFoundError, match=missing):
        branch.write(branch_from_namespace=missing)
    for write in ({"upsert_rows": [{"id": 1}]}, {"schema": {"n": "int"}}, {"copy_from_namespace": source.id}):
        with pytest.raises(turbopuffer.BadRequestError, match="from_namespace"):
            branch.write(branch_from_namespace=source.id, **write)
    with pytest.raises(turbopuffer.BadRequestError, match="region"):
        branch.write(extra_body={"branch_from_namespace": {"source_namespace": source.id, "source_region": "x"}})
    assert not branch.exists()
    branch.write(upsert_rows=[{"id": 1}])
    with pytest.raises(turbopuffer.BadRequestError, match="branch_from_namespace.*rows already"):
        branch.write(branch_from_namespace=source.id)


def test_a_copy_that_is_asked_for_later(branching, source, branch):
    started = branch.start_copy_from(source_namespace=source.id)
    done = branch.poll_copy_from(started.token)
    assert done.status == "finished"
    assert done.result.success.rows_upserted == ROWS - 2
    assert done.start_time <= done.finish_time
    assert rows(branch) == rows(source)
    for namespace, token in ((branch, "nothing"), (source, started.token)):
        with pytest.raises(turbopuffer.NotFoundError, match="operation"):
            namespace.poll_copy_from(token)
    body = json.dumps({"upsert_rows": [{"id": 1}]}).encode()
    ask = urllib.request.Request(f"{branching.url}/v2/namespaces/{branch.id}/async", body)
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(ask)
