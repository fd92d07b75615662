"""Full-text search: schemas, BM25 against a reference in Python, ways to combine scores, token filters."""

import math
import re
import time
from collections import Counter

import pytest
import turbopuffer

from harness import wordnet

EXPANDED = {
    "language": "english", "stemming": False, "remove_stopwords": False, "case_sensitive": False,
    "ascii_folding": False, "tokenizer": "word_v4", "max_token_length": 39, "k1": 1.2, "b": 0.75, "k3": 8.0,
}
QUERIES = ["water", "the water of a river", "small flowering plant", "act of going", "to be or not to be to be",
           "genus", "a", "person who plays", "xyzzy", "xyzzy tree"]


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def bm25(texts: dict[int, str | None], query: str, k1=1.2, b=0.75, k3=8.0) -> dict[int, float]:
    """The score of every text that has one, by the definition."""
    documents = {row: words(text) for row, text in texts.items() if text is not None}
    mean = sum(map(len, documents.values())) / len(documents)
    scores = Counter()
    for word, named in Counter(words(query)).items():
        counts = {row: found.count(word) for row, found in documents.items() if word in found}
        rarity = math.log(1 + (len(documents) - len(counts) + 0.5) / (len(counts) + 0.5))
        for row, count in counts.items():
            length = 1 - b + b * len(documents[row]) / mean
            score = count * (k1 + 1) / (count + k1 * length)
            scores[row] += rarity * score * (k3 + 1) * named / (k3 + named)
    return scores


def check(namespace, texts: dict[int, str | None]) -> None:
    for query in QUERIES:
        wanted = sorted(bm25(texts, query).items(), key=lambda found: (-found[1], found[0]))
        rows = namespace.query(rank_by=("text", "BM25", query), limit=50).rows
        assert len(rows) == min(50, len(wanted))
        for row, (_, score) in zip(rows, wanted):
            own = dict(wanted)[row.id]
            assert row["$dist"] == pytest.approx(score, rel=1e-4)
            assert row["$dist"] == pytest.approx(own, rel=1e-4)


def wait_indexed(namespace) -> None:
    deadline = time.monotonic() + 60
    while namespace.metadata().index.status != "up-to-date":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_scores_are_those_of_the_definition(namespace):
    rows = wordnet.load(2000).rows
    texts = dict(zip(rows["id"].to_pylist(), rows["text"].to_pylist()))
    schema = {"text": {"type": "string", "full_text_search": True}}
    for start in range(0, 2000, 500):
        ids = list(range(start, start + 500))
        columns = {"id": ids, "text": [texts[row] for row in ids]}
        namespace.write(upsert_columns=columns, schema=schema)
    check(namespace, texts)
    # By now some rows are in parts, or soon will be: from here on deletes and updates meet them there.
    time.sleep(0.5)
    wait_indexed(namespace)
    check(namespace, texts)
    gone = list(range(0, 2000, 9))
    namespace.write(deletes=gone)
    for row in gone:
        del texts[row]
    changed = {row: f"water number {row} of the river" for row in range(1, 2000, 45)}
    namespace.write(upsert_columns={"id": list(changed), "text": list(changed.values())})
    patched = {row: None if row % 2 else "a small tree" for row in range(2, 2000, 45)}
    namespace.write(patch_columns={"id": list(patched), "text": list(patched.values())})
    texts |= changed | {row: text for row, text in patched.items() if row in texts}
    check(namespace, texts)
    time.sleep(0.5)
    check(namespace, texts)


def test_settings_are_given_back_whole(namespace):
    settings = {"stemming": True, "tokenizer": "word_v1", "k1": 1.5}
    namespace.write(upsert_rows=[{"id": 1, "plain": "a", "text": "b", "tags": ["c"], "none": "d"}], schema={
        "plain": {"type": "string", "full_text_search": True},
        "text": {"type": "string", "full_text_search": settings, "filterable": True},
        "tags": {"type": "[]string", "full_text_search": {"tokenizer": "pre_tokenized_array"}},
        "none": {"type": "string", "full_text_search": False},
    })
    schema = {name: config.to_dict() for name, config in namespace.schema().items()}
    assert schema["plain"]["full_text_search"] == EXPANDED
    assert schema["plain"]["filterable"] is False
    assert schema["text"] == {
        "type": "string", "filterable": True, "full_text_search": {**EXPANDED, **settings}}
    assert schema["tags"]["full_text_search"]["case_sensitive"] is True
    assert schema["none"]["filterable"] is True and not schema["none"].get("full_text_search")
    shown = namespace.metadata().to_dict()["schema"]
    assert shown["plain"]["full_text_search"] == EXPANDED
    assert "full_text_search" not in shown["none"]
    with pytest.raises(turbopuffer.BadRequestError, match="not filterable"):
        namespace.query(rank_by=("id", "asc"), limit=1, filters=("plain", "Eq", "a"))


def test_search_is_switched_on_and_off_later(namespace):
    namespace.write(upsert_rows=[{"id": 1, "text": "running water"}, {"id": 2, "text": "still waters run"}])
    find = lambda text: [row.id for row in namespace.query(rank_by=("text", "BM25", text), limit=5).rows]
    with pytest.raises(turbopuffer.BadRequestError, match="full_text_search"):
        find("water")
    namespace.update_schema(schema={"text": {"type": "string", "full_text_search": True}})
    assert find("water") == [1]
    stemmed = {"text": {"type": "string", "full_text_search": {"stemming": True}}}
    namespace.update_schema(schema=stemmed)
    assert sorted(find("water")) == sorted(find("runs")) == [1, 2]
    namespace.update_schema(schema={"text": {"type": "string", "full_text_search": False}})
    with pytest.raises(turbopuffer.BadRequestError, match="full_text_search"):
        find("water")


@pytest.fixture(scope="module")
def filled(client):
    namespace = client.namespace("texts")
    namespace.write(
        upsert_rows=[
            {"id": 1, "title": "the quick brown fox", "body": "jumped over the lazy dog", "tags": ["Red", "a b"]},
            {"id": 2, "title": "the lazy dog", "body": "is brown, and was quick", "tags": ["red", "a", "b"]},
            {"id": 3, "title": "dog days", "body": "nothing brown in here", "tags": []},
            {"id": 4, "title": "foxes", "body": "", "tags": None},
        ],
        schema={
            "title": {"type": "string", "full_text_search": {"stemming": True}},
            "body": {"type": "string", "full_text_search": True},
            "tags": {"type": "[]string", "full_text_search": {"tokenizer": "pre_tokenized_array"}},
        },
    )
    return namespace


def scores(namespace, rank_by, **more) -> dict[int, float]:
    rows = namespace.query(rank_by=rank_by, limit=10, **more).rows
    assert [row["$dist"] for row in rows] == sorted((row["$dist"] for row in rows), reverse=True)
    return {row.id: row["$dist"] for row in rows}


def test_scores_are_combined(filled):
    title, body = ("title", "BM25", "quick fox"), ("body", "BM25", "brown")
    one, two = scores(filled, title), scores(filled, body)
    assert set(one) == {1, 4} and set(two) == {2, 3}
    both = scores(filled, ("Sum", [("Product", 2, title), ("Product", body, 0.5)]))
    assert both == pytest.approx({1: 2 * one[1], 4: 2 * one[4], 2: two[2] / 2, 3: two[3] / 2}, rel=1e-5)
    assert scores(filled, ("Max", [title, ("id", "Gte", 4)])) == pytest.approx({1: one[1], 4: max(1, one[4])})
    assert scores(filled, ("And", [("id", "Gt", 1), ("id", "Lt", 4)])) == {2: 1, 3: 1}
    assert scores(filled, title, filters=("id", "Gt", 1)) == {4: one[4]}
    assert list(scores(filled, ("Product", 3, ("title", "BM25", "dogs")))) == [3, 2]


def test_the_last_token_may_be_a_prefix(filled):
    assert set(scores(filled, ("body", "BM25", "dog bro", {"last_as_prefix": True}))) == {1, 2, 3}
    assert set(scores(filled, ("body", "BM25", "dog bro"))) == {1}
    prefix = ("body", "ContainsAllTokens", "was qui", {"last_as_prefix": True})
    assert list(scores(filled, prefix)) == [2]


@pytest.mark.parametrize("filters, wanted", [
    (("body", "ContainsAllTokens", "lazy dog"), [1]),
    (("body", "ContainsAllTokens", "dog lazy"), [1]),
    (("body", "ContainsAllTokens", ["dog", "over the"]), [1]),
    (("body", "ContainsAnyToken", "dog brown"), [1, 2, 3]),
    (("body", "ContainsAnyToken", "xyzzy"), []),
    (("body", "ContainsTokenSequence", "Lazy, dog"), [1]),
    (("body", "ContainsTokenSequence", "dog lazy"), []),
    (("body", "ContainsTokenSequence", "brown and"), [2]),
    (("title", "ContainsAllTokens", "fox"), [1, 4]),
    (("tags", "ContainsAllTokens", ["Red"]), [1]),
    (("tags", "ContainsAllTokens", ["a b"]), [1]),
    (("tags", "ContainsAnyToken", ["a b", "b"]), [1, 2]),
    (("tags", "ContainsTokenSequence", ["red", "a"]), [2]),
    (("Not", ("body", "ContainsAnyToken", "brown")), [1, 4]),
    (("Or", [("body", "ContainsAllTokens", "over"), ("title", "ContainsAllTokens", "day")]), [1, 3]),
], ids=str)
def test_a_token_filter_chooses_rows(filled, filters, wanted):
    assert [row.id for row in filled.query(rank_by=("id", "asc"), limit=10, filters=filters).rows] == wanted
    assert filled.query(aggregate_by={"n": ("Count",)}, filters=filters).aggregations == {"n": len(wanted)}


@pytest.mark.parametrize("settings, named", [
    ({"language": "klingon"}, "t.full_text_search.language"),
    ({"tokenizer": "word_v9"}, "t.full_text_search.tokenizer"),
    ({"b": 1.5}, "t.full_text_search.b"),
    ({"k1": -1}, "t.full_text_search.k1"),
    ({"max_token_length": 0}, "t.full_text_search.max_token_length"),
    ({"colour": 1}, "colour"),
    ({"tokenizer": "pre_tokenized_array"}, "pre_tokenized_array"),
], ids=str)
def test_a_bad_setting_is_named(namespace, settings, named):
    with pytest.raises(turbopuffer.BadRequestError, match=re.escape(named)):
        namespace.write(upsert_rows=[{"id": 1, "t": "x"}],
                        schema={"t": {"type": "string", "full_text_search": settings}})
    assert not namespace.exists()


@pytest.mark.parametrize("rank_by, named", [
    (("nosuch", "BM25", "x"), "nosuch"),
    (("tags", "BM25", "red"), r'invalid input .* for rank_by field "tags", expecting \[\]string'),
    (("body", "BM25", "x" * 8193), "8192"),
    (("body", "BM25", "x", {"nonsense": True}), "nonsense"),
    (("Sum", [("body", "BM25", "x"), ("id", "asc")]), "asc"),
    (("Product", -1, ("body", "BM25", "x")), "rank_by"),
    (("Saturate", ("body", "BM25", "x"), {"midpoint": 1}), "Saturate"),
    (("tags", "ContainsAllTokens", "red"), r"expects \[\]string"),
    (("id", "ContainsAllTokens", "red"), "id"),
], ids=lambda value: str(value)[:60])
def test_a_bad_text_is_named(filled, rank_by, named):
    with pytest.raises(turbopuffer.BadRequestError, match=named):
        filled.query(rank_by=rank_by, limit=1)
