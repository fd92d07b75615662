"""How fresh an answer is: levels, tokens, staleness."""

import pytest
import turbopuffer


def test_each_level_answers(namespace):
    namespace.write(upsert_rows=[{"id": 1}])
    for level in ({"level": "strong"}, {"level": "eventual"},
                  {"level": "eventual", "max_staleness_seconds": 60}):
        rows = namespace.query(rank_by=("id", "asc"), limit=1, consistency=level).rows
        assert [row.id for row in rows] == [1]


def test_a_token_is_waited_for(namespace):
    token = namespace.with_raw_response.write(upsert_rows=[{"id": 1}]).headers["x-isobath-token"]
    answer = namespace.with_raw_response.query(
        rank_by=("id", "asc"), limit=1, consistency={"level": "eventual"},
        extra_headers={"x-isobath-min-token": token},
    )
    assert [row.id for row in answer.parse().rows] == [1]
    assert answer.headers["x-isobath-token"]
    body = {"consistency": {"level": "token", "token": token, "wait_ms": 1000}}
    assert len(namespace.query(rank_by=("id", "asc"), limit=1, extra_body=body).rows) == 1


@pytest.mark.parametrize("token", ["nonsense", "AAAA", ""])
def test_a_bad_token_is_refused(namespace, token):
    namespace.write(upsert_rows=[{"id": 1}])
    with pytest.raises(turbopuffer.APIStatusError) as refused:
        namespace.query(rank_by=("id", "asc"), limit=1, extra_headers={"x-isobath-min-token": token})
    assert refused.value.status_code in (400, 412)


@pytest.mark.parametrize("level", ["quorum", "global"])
def test_a_level_that_is_not_there_yet_is_refused(namespace, level):
    namespace.write(upsert_rows=[{"id": 1}])
    with pytest.raises((turbopuffer.BadRequestError, turbopuffer.UnprocessableEntityError), match=level):
        namespace.query(rank_by=("id", "asc"), limit=1, consistency={"level": level})
