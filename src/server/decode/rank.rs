//! [`read_rank`]: which rows come first, as the API writes it.

use super::{
    Fault,
    declared::parse_name,
    score::{is_score, read_score},
    sparse::read_query_weights,
    vectors::check_values,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use isobath_query::search::{Direction, RankBy};
use isobath_storage::model::AttributeName;
use serde_json::value::RawValue;

/// The most attributes of an order.
const MAX_KEYS: usize = 16;

/// Ways to rank that do not exist yet.
const NOT_YET: [&str; 4] = ["Attribute", "Saturate", "Decay", "Dist"];

/// The order that `json` writes: `[attribute, "ANN"|"kNN", vector]`, `[attribute, "asc"|"desc"]`, a list of the
/// latter, or a score.
pub(crate) fn read_rank(json: &RawValue) -> Result<RankBy, Fault> {
    let items: Vec<&RawValue> = serde_json::from_str(json.get()).map_err(|e| Fault::of_json(&e))?;
    if items
        .first()
        .is_some_and(|item| item.get().starts_with('['))
    {
        return order(&items);
    }
    let word = |at: usize| {
        let item: &RawValue = items.get(at)?;
        serde_json::from_str::<String>(item.get()).ok()
    };
    let (Some(first), second) = (word(0), word(1)) else {
        return Err(shape());
    };
    match (second.as_deref(), items.as_slice()) {
        (Some("ANN" | "kNN"), [_, _, vector]) => {
            let attribute = parse_name(&first)?;
            let vector = read_vector(vector).map_err(|fault| fault.at(2))?;
            Ok(if second.as_deref() == Some("ANN") {
                RankBy::Ann { attribute, vector }
            } else {
                RankBy::Knn { attribute, vector }
            })
        }
        (Some("SparseKNN"), [_, _, vector]) => {
            let attribute = parse_name(&first)?;
            let weights = read_query_weights(vector).map_err(|fault| fault.at(2))?;
            Ok(RankBy::Sparse { attribute, weights })
        }
        (Some("asc"), [_, _]) if first == "id" => Ok(RankBy::Id),
        (Some("asc" | "desc"), [_, _]) => order(&[json]),
        (second, _) if is_score(&first, second) => read_score(json).map(RankBy::Score),
        (second, _) => {
            let words = [Some(first.as_str()), second];
            let mut known = words.into_iter().flatten().filter(|w| NOT_YET.contains(w));
            let direction = second.filter(|_| items.len() == 2);
            match known.next() {
                Some(word) => Err(Fault::not_yet(&format!("ranking by {word}"))),
                None if direction.is_some_and(|_| first != "Not") => {
                    let text = format!("unknown direction {:?}", direction.unwrap_or_default());
                    Err(Fault::invalid(text).at(1))
                }
                None if items.len() >= 3 => read_score(json).map(RankBy::Score),
                None => Err(shape()),
            }
        }
    }
}

fn shape() -> Fault {
    Fault::invalid(
        "expected [attribute, \"ANN\"|\"kNN\", vector], [attribute, \"asc\"|\"desc\"], a list of the latter or a score",
    )
}

/// An order by one or more attributes.
fn order(items: &[&RawValue]) -> Result<RankBy, Fault> {
    if items.len() > MAX_KEYS {
        let text = format!("more than {MAX_KEYS} attributes");
        return Err(Fault::invalid(text));
    }
    let one = |(at, item): (usize, &&RawValue)| {
        let key: Result<(String, String), _> = serde_json::from_str(item.get());
        let (name, direction) = key.map_err(|_| shape().at(at))?;
        let direction = match direction.as_str() {
            "asc" => Direction::Ascending,
            "desc" => Direction::Descending,
            _ => return Err(shape().at(at)),
        };
        Ok((parse_name(&name)?, direction))
    };
    let keys: Vec<(AttributeName, Direction)> = items
        .iter()
        .enumerate()
        .map(one)
        .collect::<Result<_, _>>()?;
    Ok(RankBy::Order(keys))
}

/// A query vector: an array of numbers, or base64 of little-endian 32-bit floats.
fn read_vector(json: &RawValue) -> Result<Vec<f32>, Fault> {
    let text = json.get();
    if text.starts_with('{') || text.starts_with("[\"") {
        return Err(Fault::not_yet("an expression for a vector"));
    }
    if text.starts_with("[[") {
        return Err(Fault::not_yet("ranking by several vectors"));
    }
    let vector = if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(|e| Fault::of_json(&e))?;
        let bytes = STANDARD.decode(text);
        let bytes = bytes.map_err(|e| Fault::invalid(format!("not base64: {e}")))?;
        let (floats, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(Fault::invalid("no whole number of 32-bit floats"));
        }
        floats
            .iter()
            .map(|float| f32::from_le_bytes(*float))
            .collect()
    } else {
        serde_json::from_str::<Vec<f32>>(text).map_err(|e| Fault::of_json(&e))?
    };
    check_values(&vector)?;
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<RankBy, String> {
        read_rank(&RawValue::from_string(json.into()).unwrap()).map_err(|f| f.to_string())
    }

    #[test]
    fn should_read_vectors_as_numbers_and_as_base64() {
        let near = |json| match read(json) {
            Ok(RankBy::Ann { attribute, vector }) => (attribute.to_string(), vector),
            other => panic!("{other:?}"),
        };
        let vector = ("vector".to_owned(), vec![0.1, 0.2, 0.3]);
        assert_eq!(near(r#"["vector","ANN",[0.1,0.2,0.3]]"#), vector);
        assert_eq!(near(r#"["vector","ANN","zczMPc3MTD6amZk+"]"#), vector);
        assert!(matches!(read(r#"["v","kNN",[1]]"#), Ok(RankBy::Knn { .. })));
    }

    #[test]
    fn should_read_scores() {
        for json in [
            r#"["text","BM25","walrus"]"#,
            r#"["Sum",[["text","BM25","x"]]]"#,
            r#"["Product",["text","BM25","x"],2]"#,
            r#"["a","Eq",1]"#,
            r#"["Not",["a","Eq",1]]"#,
        ] {
            assert!(matches!(read(json), Ok(RankBy::Score(_))), "{json}");
        }
        assert!(matches!(read(r#"["Sum","asc"]"#), Ok(RankBy::Order(_))));
    }

    #[test]
    fn should_read_orders() {
        assert_eq!(read(r#"["id","asc"]"#), Ok(RankBy::Id));
        let a = ("a".parse().unwrap(), Direction::Descending);
        assert_eq!(read(r#"["a","desc"]"#), Ok(RankBy::Order(vec![a.clone()])));
        let id = (AttributeName::id(), Direction::Ascending);
        assert_eq!(
            read(r#"[["a","desc"],["id","asc"]]"#),
            Ok(RankBy::Order(vec![a, id]))
        );
    }

    #[test]
    fn should_name_what_is_wrong() {
        for (json, text) in [
            (r#"["a","Like",1]"#, "unknown filter operator \"Like\""),
            (
                r#"["v","ANN",[[1,2]]]"#,
                "[2]: ranking by several vectors is not supported yet",
            ),
            (
                r#"["v","ANN",["Embed","x"]]"#,
                "[2]: an expression for a vector is not supported yet",
            ),
            (
                r#"["v","ANN",[]]"#,
                "[2]: a vector has at least one dimension",
            ),
            (
                r#"["v","SparseKNN",{"-1":1}]"#,
                "[2]: \"-1\" is no dimension: a whole number below 4294967296",
            ),
            (
                r#"["v","SparseKNN",{}]"#,
                "[2]: a query vector has at least one weight",
            ),
            (
                r#"["v","SparseKNN",{"1":1e39}]"#,
                "[2].1: not a finite 32-bit float",
            ),
            (r#"["v","ANN",[1e39]]"#, "[2][0]: not a finite 32-bit float"),
            (
                r#"["v","ANN","AAA="]"#,
                "[2]: no whole number of 32-bit floats",
            ),
            (
                r#""id""#,
                "invalid type: string \"id\", expected a sequence",
            ),
        ] {
            assert_eq!(read(json), Err(text.into()), "{json}");
        }
        assert!(read("[]").is_err());
        assert!(read(r#"["a","up"]"#).is_err());
    }
}
