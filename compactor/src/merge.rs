//! [`merge`]: from several parts to one.

use isobath_storage::{
    fold::{FoldError, PartRows, ResolvedRows, SchemaState},
    format::part::PickedVectors,
    model::{AttributeName, AttributeType, IdKind, Rows, Stamp},
};

/// The live rows of several parts as one, by id; gathered only when they are asked for.
#[derive(Debug)]
pub struct Merged {
    kind: IdKind,
    columns: Vec<(AttributeName, AttributeType)>,
    pieces: Vec<Rows>,
    /// By row the piece and the row in it.
    picks: Vec<(usize, usize)>,
    /// By row its stamp.
    pub stamps: Vec<Stamp>,
}

/// The live rows of several parts as one, by id, with the columns of `schema`; values older than their
/// attribute's drop are null.
pub fn merge(parts: &[PartRows], schema: &SchemaState) -> Merged {
    let visible = schema.schema();
    let kind = visible.id_kind.unwrap_or(IdKind::Uint);
    let mut picks: Vec<(usize, usize)> = vec![];
    for (at, part) in parts.iter().enumerate() {
        if part.rows.ids().kind() != kind {
            continue;
        }
        let rows = (0..).zip(0..part.rows.len());
        picks.extend(
            rows.filter(|(row, _)| !part.dead.contains(*row))
                .map(|(_, row)| (at, row)),
        );
    }
    let id = |(part, row): &(usize, usize)| parts[*part].rows.ids().get(*row);
    if parts.len() > 1 {
        picks.sort_by_cached_key(id);
    }
    Merged {
        kind,
        columns: visible
            .attributes
            .iter()
            .map(|(name, config)| (name.clone(), config.ty))
            .collect(),
        pieces: parts.iter().map(|part| mask(part, schema)).collect(),
        stamps: picks
            .iter()
            .map(|(part, row)| parts[*part].stamps.get(*row))
            .collect(),
        picks,
    }
}

impl Merged {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.picks.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.picks.is_empty()
    }

    /// All rows in memory.
    pub fn resolve(&self) -> Result<ResolvedRows, FoldError> {
        Ok(ResolvedRows {
            rows: self.gather(&self.columns)?,
            stamps: self.stamps.clone(),
        })
    }

    /// All but the vectors in memory, and the vectors, which are gathered when they are written.
    pub fn split(&self) -> Result<(Rows, Vec<PickedVectors<'_>>), FoldError> {
        let (mut columns, mut vectors) = (vec![], vec![]);
        for (name, ty) in &self.columns {
            match ty {
                AttributeType::Vector { dim, element } => vectors.push(PickedVectors {
                    name: name.clone(),
                    dim: *dim,
                    element: *element,
                    pieces: self.pieces.iter().map(|p| p.typed(name, *ty)).collect(),
                    picks: &self.picks,
                }),
                _ => columns.push((name.clone(), *ty)),
            }
        }
        Ok((self.gather(&columns)?, vectors))
    }

    fn gather(&self, columns: &[(AttributeName, AttributeType)]) -> Result<Rows, FoldError> {
        let pieces: Vec<&Rows> = self.pieces.iter().collect();
        Ok(Rows::interleave(self.kind, columns, &pieces, &self.picks)?)
    }
}

/// The rows of a part without the values that drops hide.
pub(crate) fn mask(part: &PartRows, schema: &SchemaState) -> Rows {
    let mut rows = Rows::clone(&part.rows);
    for (name, attribute) in &schema.attributes {
        let Some(dropped) = attribute.dropped else {
            continue;
        };
        if rows.column(name.as_str()).is_some() {
            let older = (0..rows.len())
                .map(|row| part.stamps.get(row) <= dropped)
                .collect();
            rows = rows.without(name, &older);
        }
    }
    rows
}
