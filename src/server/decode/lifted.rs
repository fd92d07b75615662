//! [`Lifted`]: a query's body without its vector, which is read on the way.

use super::{
    declared::parse_name,
    numbers::read_floats,
    scan::{Rest, members, read_plain, skip_space},
    vectors::check_values,
};
use isobath_query::search::RankBy;
use isobath_storage::model::AttributeType;

/// A query's body whose order is by the distance from an array of numbers: most of the body is that
/// array, so it is read in one pass, and only the rest as JSON of any shape.
#[derive(Debug)]
pub(super) struct Lifted {
    pub(super) rank_by: RankBy,
    /// The body without `rank_by`.
    pub(super) rest: Vec<u8>,
}

impl Lifted {
    /// `None` where `body` is of another kind, or wrong.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        let mut rank_by = None;
        let others = members(body, |name, value| {
            if name != b"rank_by" || rank_by.is_some() {
                return None;
            }
            let (read, after) = read_rank(value)?;
            rank_by = Some(read);
            Some(after)
        })?;
        let mut rest = vec![b'{'];
        rest.extend_from_slice(&others.join(&b','));
        rest.push(b'}');
        Some(Self {
            rank_by: rank_by?,
            rest,
        })
    }
}

/// The order at the start of `json`, and what follows it.
fn read_rank(json: Rest<'_>) -> Option<(RankBy, Rest<'_>)> {
    let comma = |rest| skip_space(rest).strip_prefix(b",").map(skip_space);
    let (name, rest) = read_plain(skip_space(json.strip_prefix(b"[")?))?;
    let (word, rest) = read_plain(comma(rest)?)?;
    let exact = match word {
        b"ANN" => false,
        b"kNN" => true,
        _ => return None,
    };
    let (vector, rest) = read_floats(comma(rest)?, AttributeType::MAX_DIM as usize)?;
    let rest = skip_space(rest).strip_prefix(b"]")?;
    let attribute = parse_name(std::str::from_utf8(name).ok()?).ok()?;
    check_values(&vector).ok()?;
    let rank_by = if exact {
        RankBy::Knn { attribute, vector }
    } else {
        RankBy::Ann { attribute, vector }
    };
    Some((rank_by, rest))
}
