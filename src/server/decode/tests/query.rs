//! Bodies of queries, decoded as a whole.

use crate::server::{decode::*, engine::Consistency};
use isobath_query::search::{Aggregate, GroupKey, Include, RankBy};

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
fn should_decode_groups() {
    let body = r#"{"aggregate_by":{"n":["Count"],"sum":["Sum","price"]},"limit":7,
        "group_by":["kind",{"tag":["ForEachUnique","tags"]}]}"#;
    let decoded = decode_query(body.as_bytes()).unwrap();
    let asked = &decoded.asked[0];
    assert!(!asked.rows);
    let by = asked.query.group_by.as_ref().unwrap();
    let kind = GroupKey::Value("kind".parse().unwrap());
    let tag = GroupKey::EachElement("tags".parse().unwrap());
    assert_eq!(by.keys, [("kind".into(), kind), ("tag".into(), tag)]);
    assert_eq!((by.limit, asked.query.limit), (7, 0));
    let ranked = body.replace("{\"agg", "{\"rank_by\":[\"id\",\"asc\"],\"agg");
    let decoded = decode_query(ranked.as_bytes()).unwrap();
    let asked = &decoded.asked[0];
    assert!(asked.rows);
    assert_eq!(asked.query.limit, 7);
}

#[test]
fn should_decode_fusion() {
    let body = r#"{"queries":[{},{}],"rerank_by":["RRF",{"rank_constant":9,"weights":[1,0.5]}],
        "limit":{"total":3},"offset":2}"#;
    let fusion = decode_query(body.as_bytes()).unwrap().fusion.unwrap();
    assert_eq!((fusion.rank_constant, fusion.weights), (9, vec![1.0, 0.5]));
    assert_eq!((fusion.limit, fusion.offset), (3, 2));
    let plain = decode_query(br#"{"queries":[{}],"rerank_by":["RRF"]}"#).unwrap();
    assert_eq!(plain.fusion.unwrap().rank_constant, 60);
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
fn should_name_what_is_wrong_with_groups_and_limits() {
    for (body, text) in [
        (
            r#"{"limit":{"total":1,"per":{"limit":1}}}"#,
            "limit.per: missing field `attributes`",
        ),
        (
            r#"{"limit":{"total":1,"per":{"attributes":["a"],"limit":0}}}"#,
            "limit.per.limit: 0 is not between 1 and 10000",
        ),
        (
            r#"{"group_by":["a"]}"#,
            "group_by: expected `aggregate_by` beside it",
        ),
        (
            r#"{"group_by":["n"],"aggregate_by":{"n":["Count"]}}"#,
            "group_by[0]: the label `n` is given twice",
        ),
        (
            r#"{"group_by":[{"t":["Each","a"]}],"aggregate_by":{"n":["Count"]}}"#,
            "group_by[0]: expected an attribute or {label: [\"ForEachUnique\", attribute]}",
        ),
        (
            r#"{"aggregate_by":{"s":["Max","a"]}}"#,
            "aggregate_by.s: expected [\"Count\"] or [\"Sum\", attribute]",
        ),
    ] {
        let fault = decode_query(body.as_bytes()).unwrap_err();
        assert_eq!(fault.to_string(), text, "{body}");
    }
}

#[test]
fn should_name_what_is_wrong_with_fusion() {
    for (body, text) in [
        (
            r#"{"queries":[{}],"limit":3}"#,
            "limit: expected `rerank_by` beside it",
        ),
        (
            r#"{"queries":[{}],"rerank_by":["RRF"],"offset":3}"#,
            "offset: expected `limit` beside it",
        ),
        (
            r#"{"queries":[{}],"rerank_by":["RRF",{"weights":[1,2]}]}"#,
            "rerank_by[1].weights: 2 weights for 1 queries",
        ),
        (
            r#"{"queries":[{}],"rerank_by":["RRF",{"weights":[0]}]}"#,
            "rerank_by[1].weights[0]: not a positive 32-bit float",
        ),
        (
            r#"{"queries":[{}],"rerank_by":["RRF",{"rank_constant":0}]}"#,
            "rerank_by[1].rank_constant: must be at least 1",
        ),
        (
            r#"{"queries":[{"aggregate_by":{"n":["Count"]}}],"rerank_by":["RRF"]}"#,
            "rerank_by: queries[0] asks for aggregates, which cannot be fused",
        ),
        (
            r#"{"queries":[{}],"rerank_by":{"model":"m"}}"#,
            "rerank_by: reranking by a model is not supported yet",
        ),
        (
            r#"{"limit":1,"rerank_by":["RRF"]}"#,
            "rerank_by: one query alone is not fused: expected `queries` beside it",
        ),
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

#[test]
fn should_decode_the_same_whether_the_vector_is_lifted_or_not() {
    let lifted = r#" { "limit" : 3, "rank_by" : [ "v" , "ANN" , [ 0.5 , -1e-1,3 ] ], "filters":["a","Eq","]}\""] } "#;
    // An escape in a name, which the quick way does not take.
    let plain = lifted.replace("rank_by", r"rank\u005fby");
    let decode = |body: &str| decode_query(body.as_bytes()).unwrap().asked.remove(0).query;
    let query = decode(lifted);
    assert_eq!(query, decode(&plain));
    assert!(matches!(query.rank_by, RankBy::Ann { vector, .. } if vector == [0.5, -0.1, 3.0]));
}

#[test]
fn should_say_what_is_wrong_beside_and_in_a_vector() {
    for (body, text) in [
        (
            r#"{"rank_by":["v","ANN",[1]],"rank_by":["v","ANN",[1]]}"#,
            "rank_by: given twice",
        ),
        (
            r#"{"rank_by":["v","ANN",[1]],"rank_by":null}"#,
            "rank_by: given twice",
        ),
        (
            r#"{"rank_by":["v","ANN",[1]],"queries":[{}]}"#,
            "unknown field `rank_by`",
        ),
        (r#"{"rank_by":["v","ANN",[1]],"x":1}"#, "unknown field `x`"),
        (
            r#"{"rank_by":["v","ANN",[1,1e39]]}"#,
            "rank_by[2][1]: not a finite 32-bit float",
        ),
        (
            r#"{"rank_by":["v","ANN",[01]]}"#,
            "malformed JSON: invalid number",
        ),
        (
            r#"{"rank_by":["v","ANN",[1]],}"#,
            "malformed JSON: trailing comma",
        ),
    ] {
        let fault = decode_query(body.as_bytes()).unwrap_err();
        assert_eq!(fault.to_string(), text, "{body}");
    }
}
