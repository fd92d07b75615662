"""Filters on arrays, texts, UUIDs, times and 64-bit numbers, against the same conditions in Python."""

import fnmatch
import re
import time
import uuid

import pytest
import turbopuffer

UUIDS = [str(uuid.UUID(int=at)) for at in (1, 2, 2**127)]
SCHEMA = {
    "u": "uint", "us": "[]uint", "key": "uuid", "keys": "[]uuid", "at": "datetime", "times": "[]datetime",
    "shares": "[]float", "path": {"type": "string", "glob": True}, "log": {"type": "string", "regex": True},
}
ROWS = [
    {"id": 1, "tags": ["python", "rust"], "sizes": [1, 5], "flags": [True], "path": "src/main.rs",
     "u": 2**64 - 1, "us": [2**64 - 1, 0], "key": UUIDS[0], "keys": UUIDS[:2], "at": "2024-03-01",
     "times": ["2024-03-01T00:00:00Z", "2025-01-01"], "shares": [0.5, 2], "log": "error 17: disk full",
     "title": "Deep Water"},
    {"id": 2, "tags": ["go"], "sizes": [-3], "flags": [False, True], "path": "src/a/b/main.rs",
     "u": 2**53 + 1, "us": [7], "key": UUIDS[1], "keys": [UUIDS[2]], "at": "2024-03-01T12:00:00+02:00",
     "times": ["1969-12-31"], "shares": [-1.5], "log": "warning: slow", "title": "deep sea"},
    {"id": 3, "tags": [], "sizes": [], "flags": [], "path": "README.md", "u": 0, "us": [], "key": UUIDS[2],
     "keys": [], "at": "1969-12-31T23:59:59.999Z", "times": [], "shares": [], "log": "", "title": ""},
    {"id": 4, "tags": ["rust", "python"], "sizes": [2**62], "path": "docs/ä.md", "u": 2**53,
     "log": "Error\non two lines", "title": "*"},
    {"id": 5},
]

# The filter, and the rows that pass.
CASES = [
    (("tags", "Contains", "rust"), [1, 4]),
    (("tags", "NotContains", "rust"), [2, 3, 5]),
    (("tags", "ContainsAny", ["go", "python", "c"]), [1, 2, 4]),
    (("tags", "ContainsAny", []), []),
    (("tags", "NotContainsAny", ["go", "python"]), [3, 5]),
    (("tags", "In", "go"), [2]),
    (("tags", "In", ["go", "python"]), [1, 2, 4]),
    (("tags", "NotIn", ["go"]), [1, 3, 4, 5]),
    (("tags", "Eq", ["python", "rust"]), [1]),
    (("tags", "Eq", []), [3]),
    (("tags", "Eq", None), [5]),
    (("tags", "NotEq", ["python", "rust"]), [2, 3, 4, 5]),
    (("tags", "Glob", "r*"), [1, 4]),
    (("tags", "NotGlob", "r*"), [2, 3, 5]),
    (("tags", "Regex", "^p.*n$"), [1, 4]),
    (("tags", "AnyGt", "python"), [1, 4]),
    (("sizes", "AnyLt", 1), [2]),
    (("sizes", "AnyLte", 1), [1, 2]),
    (("sizes", "AnyGt", 4.5), [1, 4]),
    (("sizes", "AnyGte", 2**62), [4]),
    (("sizes", "Contains", 5), [1]),
    (("sizes", "Contains", 5.5), []),
    (("flags", "Contains", True), [1, 2]),
    (("flags", "Eq", [False, True]), [2]),
    (("u", "Eq", 2**64 - 1), [1]),
    (("u", "Gt", 2**53), [1, 2]),
    (("u", "Gte", 9007199254740993.0), [1, 2, 4]),
    (("u", "Lt", 0.5), [3, 5]),
    (("u", "Gt", -1), [1, 2, 3, 4]),
    (("u", "In", [2**53 + 1, 0]), [2, 3]),
    (("us", "Contains", 2**64 - 1), [1]),
    (("us", "AnyGte", 7), [1, 2]),
    (("key", "Eq", UUIDS[0]), [1]),
    (("key", "In", UUIDS[1:]), [2, 3]),
    (("key", "Lt", UUIDS[2]), [1, 2, 4, 5]),
    (("keys", "ContainsAny", UUIDS[1:]), [1, 2]),
    (("at", "Eq", "2024-03-01T00:00:00Z"), [1]),
    (("at", "Gt", "2024-03-01T09:59:59.999Z"), [2]),
    (("at", "Lt", "1970-01-01"), [3, 4, 5]),
    (("times", "AnyGte", "2025-01-01T00:00:00+00:00"), [1]),
    (("times", "Contains", "1969-12-31"), [2]),
    (("shares", "AnyLt", 0), [2]),
    (("shares", "Contains", 2), [1]),
    (("title", "Glob", "[Dd]eep*"), [1, 2]),
    (("title", "Glob", "deep*"), [2]),
    (("title", "IGlob", "deep*"), [1, 2]),
    (("title", "NotGlob", "deep*"), [1, 3, 4, 5]),
    (("title", "NotIGlob", "deep*"), [3, 4, 5]),
    (("title", "Glob", "[*]"), [4]),
    (("title", "Glob", ""), [3]),
    (("path", "Glob", "src/**/main.rs"), [1, 2]),
    (("path", "Glob", "*.{md,txt}"), [3, 4]),
    (("path", "Glob", "docs/?.md"), [4]),
    (("path", "NotGlob", "src/*"), [3, 4, 5]),
    (("log", "Regex", r"^\w+ \d+:"), [1]),
    (("log", "Regex", "(?i)error"), [1, 4]),
    (("log", "Regex", "^$"), [3]),
    (("Not", ("log", "Regex", "o")), [3, 5]),
    (("id", "In", [1, 5, 9]), [1, 5]),
    (("nosuch", "Eq", None), [1, 2, 3, 4, 5]),
    (("nosuch", "Glob", "*"), []),
    (("And", [("tags", "Contains", "rust"), ("Or", [("u", "Gt", 2**63), ("title", "Eq", "*")])]), [1, 4]),
]


@pytest.fixture(scope="module", params=["rows", "columns"])
def filled(client, request):
    """The rows as they were written; and written as columns, folded into a part."""
    namespace = client.namespace(f"filters-by-type-{request.param}")
    if request.param == "rows":
        namespace.write(upsert_rows=ROWS, schema=SCHEMA)
    else:
        names = list(ROWS[0])
        columns = {name: [row.get(name) for row in ROWS] for name in names}
        namespace.write(upsert_columns=columns, schema=SCHEMA)
        # Few rows are not folded alone.
        namespace.write(upsert_columns={"id": list(range(1000, 1100))})
        namespace.write(deletes=list(range(1000, 1100)))
        deadline = time.monotonic() + 60
        while namespace.metadata().approx_row_count != len(ROWS) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert namespace.metadata().approx_row_count == len(ROWS)
    return namespace


@pytest.mark.parametrize("filters, wanted", CASES, ids=[str(filters) for filters, _ in CASES])
def test_a_filter_chooses_rows(filled, filters, wanted):
    answer = filled.query(rank_by=("id", "asc"), filters=filters, limit=1000)
    assert [row.id for row in answer.rows] == wanted


@pytest.mark.parametrize("pattern", ["*", "d*", "*e*", "?eep*", "[!d]*", "*[ar]", "D*r", "deep sea"])
def test_globs_match_like_the_shell(filled, pattern):
    wanted = [r["id"] for r in ROWS if fnmatch.fnmatchcase(r.get("title") or "", pattern) and "title" in r]
    answer = filled.query(rank_by=("id", "asc"), filters=("title", "Glob", pattern), limit=10)
    assert [row.id for row in answer.rows] == wanted


@pytest.mark.parametrize("pattern", ["e", "^.", "[0-9]{2}", r"\bdisk\b", "slow$", "(?m)^on", "(error|warning)"])
def test_regular_expressions_are_searched_for(filled, pattern):
    wanted = [r["id"] for r in ROWS if "log" in r and re.search(pattern, r["log"])]
    answer = filled.query(rank_by=("id", "asc"), filters=("log", "Regex", pattern), limit=10)
    assert [row.id for row in answer.rows] == wanted


MISMATCH = "filter error in key `tags`: type mismatch, {}"


@pytest.mark.parametrize("filters, said", [
    (("tags", "ContainsAny", "go"), MISMATCH.format("ContainsAny expects []string, but got 'go'")),
    (("tags", "NotContainsAny", "go"), MISMATCH.format("NotContainsAny expects []string, but got 'go'")),
    (("tags", "Contains", ["a", "b"]), MISMATCH.format("Contains expects string, but got '[a, b]'")),
    (("tags", "NotContains", ["a", "b"]), MISMATCH.format("NotContains expects string, but got '[a, b]'")),
    (("tags", "Contains", 5), MISMATCH.format("Contains expects string, but got '5'")),
    (("tags", "AnyLt", 5), MISMATCH.format("AnyLt expects string, but got '5'")),
    (("tags", "Glob", 5), MISMATCH.format("Glob expects string, but got '5'")),
    (("title", "Contains", "x"), "title"),
    (("u", "Glob", "1*"), "u"),
    (("title", "Glob", "[a"), "title"),
    (("title", "Regex", "(a"), "title"),
    (("title", "Regex", "a{1000}{1000}"), "title"),
    (("title", "Regex", "x" * 2000), "title"),
    (("path", "Eq", "README.md"), "path"),
    (("path", "Regex", "md"), "path"),
    (("log", "Glob", "*"), "log"),
    (("key", "Eq", "seven"), "key"),
    (("at", "Gt", "yesterday"), "at"),
    (("at", "Gt", 5), "at"),
    (("Or", [("u", "Eq", at) for at in range(5000)]), "conditions"),
], ids=lambda value: str(value)[:60])
def test_a_filter_that_does_not_fit_is_explained(filled, filters, said):
    with pytest.raises(turbopuffer.BadRequestError) as refused:
        filled.query(rank_by=("id", "asc"), filters=filters, limit=1)
    assert said in str(refused.value)


def test_the_schema_says_which_patterns_are_switched_on(filled):
    schema = filled.schema()
    assert (schema["path"].filterable, schema["path"].glob) == (False, True)
    assert (schema["log"].filterable, schema["log"].regex) == (False, True)
    assert schema["title"].filterable is True
    described = filled.metadata().to_dict()["schema"]
    assert described["path"] == {"type": "string", "filterable": False, "glob": True}
    updated = filled.update_schema(schema={"path": {"type": "string", "glob": True, "filterable": True}})
    assert updated["path"].filterable is True
    answer = filled.query(rank_by=("id", "asc"), filters=("path", "Eq", "README.md"), limit=10)
    assert [row.id for row in answer.rows] == [3]
    filled.update_schema(schema={"path": {"type": "string", "glob": True, "filterable": False}})
