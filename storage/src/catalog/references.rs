//! [`references`]: the data objects that parts of a namespace stand for.

use crate::{
    model::{Namespace, PartEntry},
    store::keys::{DeadKey, Key, PartKey},
};
use object_store::path::Path;

/// The parts and deletion vectors that a manifest of `namespace`, or a record with which it adopts, refers to: pass
/// `Manifest::parts` or `Adoption::parts`.
///
/// A part may lie among the objects of another namespace, and any number of namespaces may refer to it. So an object
/// is garbage only where no manifest that is kept names it, of whatever namespace, and no record does that a run of a
/// checkpoint that is kept holds, or a segment after one.
pub fn references(namespace: &Namespace, parts: &[PartEntry]) -> Vec<Path> {
    let mut paths = vec![];
    for part in parts {
        paths.push(PartKey::of(namespace, part).path());
        paths.extend(part.dead.map(|hash| {
            let namespace = namespace.clone();
            DeadKey { namespace, hash }.path()
        }));
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContentHash, Hlc};

    #[test]
    fn should_name_parts_where_they_lie_and_deletion_vectors_here() {
        let own = PartEntry {
            hash: ContentHash([1; 32]),
            rows: 3,
            bytes: 4,
            hlc_max: Hlc(1),
            dead: None,
            dead_rows: 0,
            owner: None,
            stamp: None,
        };
        let adopted = PartEntry {
            dead: Some(ContentHash([2; 32])),
            dead_rows: 1,
            owner: Some("source".parse().unwrap()),
            ..own.clone()
        };
        let (one, two) = ("01".repeat(32), "02".repeat(32));
        let found = references(&"branch".parse().unwrap(), &[own, adopted]);
        let found: Vec<&str> = found.iter().map(AsRef::as_ref).collect();
        assert_eq!(
            found,
            [
                format!("data/branch/part/{one}.arrow"),
                format!("data/source/part/{one}.arrow"),
                format!("data/branch/dead/{two}"),
            ]
        );
    }
}
