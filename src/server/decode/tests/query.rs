//! Bodies of queries, decoded as a whole.

use crate::server::{decode::*, engine::Consistency};
use isobath_query::search::{Aggregate, Include, RankBy};

#[test]
fn should_decode_a_query() {
    let body = r#"{"rank_by":["vector","ANN",[0.5,1]],"top_k":5,"filters":["a","Eq",1],
        "include_attributes":["id","a"],"consistency":{"level":"eventual"},"vector_encoding":"base64"}"#;
    let decoded = decode_query(body.as_bytes()).unwrap();
    assert!(!decoded.multi);
    assert_eq!(decoded.encoding, VectorEncoding::Base64);
    assert!(matches!(
        decoded.freshness.consistency,
        Consistency::Eventual { .. }
    ));
    let query = &decoded.asked[0].query;
    assert!(matches!(&query.rank_by, RankBy::Ann { vector, .. } if *vector == [0.5, 1.0]));
    assert_eq!((query.limit, query.offset), (5, 0));
    assert_eq!(query.include, Include::Only(vec!["a".parse().unwrap()]));
    assert!(query.filter.is_some());
}

#[test]
fn should_ask_for_no_rows_where_only_aggregates_are_wanted() {
    let decoded = decode_query(br#"{"aggregate_by":{"n":["Count"],"old":["Count","id"]}}"#);
    let decoded = decoded.unwrap();
    let asked = &decoded.asked[0];
    assert!(!asked.rows);
    assert_eq!(asked.query.limit, 0);
    let count = |label: &str| (label.to_owned(), Aggregate::Count);
    assert_eq!(asked.query.aggregates, [count("n"), count("old")]);
}

#[test]
fn should_decode_several_queries() {
    let body = r#"{"queries":[{"rank_by":["id","asc"],"limit":{"total":3}},{"limit":2}]}"#;
    let decoded = decode_query(body.as_bytes()).unwrap();
    assert!(decoded.multi);
    let limits = decoded.asked.iter().map(|one| one.query.limit);
    assert_eq!(limits.collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn should_name_where_a_query_is_wrong() {
    let many = format!(r#"{{"queries":[{}]}}"#, ["{}"; 17].join(","));
    for (body, text) in [
        (r#"{"limit":0}"#, "limit: 0 is not between 1 and 10000"),
        (
            r#"{"top_k":10001}"#,
            "top_k: 10001 is not between 1 and 10000",
        ),
        (
            r#"{"limit":1,"top_k":1}"#,
            "top_k: the same as `limit`, which is given too",
        ),
        (
            r#"{"limit":10000,"offset":1}"#,
            "offset: 10000 rows after 1 are more than 10000",
        ),
        (
            r#"{"limit":{"total":1,"per":{}}}"#,
            "limit: per is not supported yet",
        ),
        (r#"{"group_by":["a"]}"#, "group_by is not supported yet"),
        (
            r#"{"aggregate_by":{"s":["Sum","a"]}}"#,
            "aggregate_by.s: Sum of an attribute is not supported yet",
        ),
        (
            r#"{"rank_by":["a","SparseKNN",{"1":2}]}"#,
            "rank_by: ranking by SparseKNN is not supported yet",
        ),
        (
            r#"{"rank_by":["Sum",[["a","BM25",7]]]}"#,
            "rank_by[1][0][2]: expected a string, or an array of them",
        ),
        (
            r#"{"filters":["a","Fuzzy","x"]}"#,
            "filters: the filter operator Fuzzy is not supported yet",
        ),
        (
            r#"{"include_attributes":["a"],"exclude_attributes":["b"]}"#,
            "exclude_attributes: `include_attributes` is given too",
        ),
        (
            r#"{"vector_encoding":"hex"}"#,
            "vector_encoding: unknown variant `hex`, expected `float` or `base64`",
        ),
        (
            r#"{"consistency":"eventual"}"#,
            "consistency: invalid type: string \"eventual\", expected struct Consistency",
        ),
        (
            r#"{"queries":[{"limit":1},{"colour":1}]}"#,
            "queries[1]: unknown field `colour`",
        ),
        (r#"{"queries":[{}],"limit":3}"#, "unknown field `limit`"),
        (
            r#"{"queries":[{}],"rerank_by":["RRF"]}"#,
            "rerank_by is not supported yet",
        ),
        (
            r#"{"recall_target":1.5}"#,
            "recall_target: not above 0 and at most 1",
        ),
        (&many, "queries: 17 queries; expected 1 to 16"),
    ] {
        let fault = decode_query(body.as_bytes()).unwrap_err();
        assert_eq!(fault.to_string(), text, "{body}");
    }
}

#[test]
fn should_decode_recall_requests() {
    let recall = decode_recall(b"").unwrap();
    assert_eq!((recall.num, recall.top_k), (25, 10));
    let recall = decode_recall(br#"{"rank_by":["v","ANN",[1]],"num":null,"top_k":3}"#).unwrap();
    assert_eq!((recall.num, recall.vector), (1, Some(vec![1.0])));
    assert!(decode_recall(br#"{"rank_by":["v","ANN",[1]],"num":2}"#).is_err());
    assert!(decode_recall(br#"{"num":0}"#).is_err());
}
