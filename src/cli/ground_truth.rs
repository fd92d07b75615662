//! Query vectors and exact answers, from files or computed, and the recall against them.

use super::failure::Corrupt;
use std::collections::BTreeSet;

/// Rows of 32-bit floats.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vectors {
    /// Dimensions of a row.
    pub(super) dim: usize,
    values: Vec<f32>,
}

/// The ids of the nearest rows of every query, nearest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Truth(Vec<Vec<u64>>);

impl Vectors {
    /// Rows one behind the other.
    pub(super) fn new(dim: usize, values: Vec<f32>) -> Self {
        Self { dim, values }
    }

    /// Reads an `.fbin` file: rows, dimensions, then the values, all little-endian.
    pub(super) fn from_fbin(bytes: &[u8]) -> Result<Self, Corrupt> {
        let (rows, dim, body) = head(bytes, "fbin")?;
        if body.len() != length(rows, dim) || dim == 0 {
            return Err(Corrupt(format!(
                "an fbin file of {rows} × {dim} has another length"
            )));
        }
        let values = words(body).map(f32::from_le_bytes);
        Ok(Self::new(dim, values.collect()))
    }

    /// The rows.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim)
    }
}

impl Truth {
    /// Reads an `.ibin` file: queries, neighbours per query, then their ids (and distances, which are
    /// left alone), all little-endian.
    pub(super) fn from_ibin(bytes: &[u8]) -> Result<Self, Corrupt> {
        let (rows, width, body) = head(bytes, "ibin")?;
        let length = length(rows, width);
        let fits = [length, length.saturating_mul(2)].contains(&body.len());
        if !fits || width == 0 {
            return Err(Corrupt(format!(
                "an ibin file of {rows} × {width} has another length"
            )));
        }
        let ids: Vec<u64> = words(&body[..length])
            .map(|word| u32::from_le_bytes(word).into())
            .collect();
        Ok(Self(ids.chunks_exact(width).map(<[u64]>::to_vec).collect()))
    }

    /// The exact answers by cosine distance, ties by id.
    pub(super) fn cosine(queries: &Vectors, ids: &[u64], rows: &Vectors, k: usize) -> Self {
        let norms: Vec<f32> = rows.rows().map(|row| dot(row, row).sqrt()).collect();
        let nearest = |query: &[f32]| {
            let mut found: Vec<(f32, u64)> = rows
                .rows()
                .zip(ids)
                .zip(&norms)
                .map(|((row, id), norm)| (1.0 - dot(query, row) / norm, *id))
                .collect();
            found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            found.into_iter().take(k).map(|(_, id)| id).collect()
        };
        let unit = |query: &[f32]| {
            let norm = dot(query, query).sqrt();
            nearest(&query.iter().map(|x| x / norm).collect::<Vec<f32>>())
        };
        Self(queries.rows().map(unit).collect())
    }

    /// How many queries it answers.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The nearest row of a query.
    pub(super) fn nearest(&self, query: usize) -> Option<u64> {
        self.0.get(query)?.first().copied()
    }

    /// How many of the `k` nearest rows of a query are in `found`, and how many there are.
    pub(super) fn hits(&self, query: usize, found: &[u64], k: usize) -> (usize, usize) {
        let row = self.0.get(query).map_or(&[][..], Vec::as_slice);
        let row = &row[..row.len().min(k)];
        let found: BTreeSet<u64> = found.iter().copied().collect();
        let hits = row.iter().filter(|id| found.contains(id)).count();
        (hits, row.len())
    }
}

/// The recall over queries of which each found some of some rows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recall {
    hits: usize,
    of: usize,
}

impl Recall {
    /// Counts one query.
    pub(super) fn add(&mut self, (hits, of): (usize, usize)) {
        self.hits += hits;
        self.of += of;
    }

    /// The share that was found, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(super) fn share(self) -> f64 {
        self.hits as f64 / self.of.max(1) as f64
    }
}

/// Rows, width, and what follows.
fn head<'a>(bytes: &'a [u8], what: &str) -> Result<(usize, usize, &'a [u8]), Corrupt> {
    let short = || Corrupt(format!("an {what} file ends in its head"));
    let (head, body) = bytes.split_at_checked(8).ok_or_else(short)?;
    let mut head = words(head).map(|word| u32::from_le_bytes(word) as usize);
    let (rows, width) = head.next().zip(head.next()).ok_or_else(short)?;
    Ok((rows, width, body))
}

/// Bytes of a table of 32-bit values.
fn length(rows: usize, width: usize) -> usize {
    rows.saturating_mul(width).saturating_mul(4)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.as_chunks().0.iter().copied()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::sample;

    #[test]
    fn should_compute_what_the_sample_ships() {
        let queries = Vectors::from_fbin(sample::QUERIES).unwrap();
        let shipped = Truth::from_ibin(sample::TRUTH).unwrap();
        let rows = sample::rows().unwrap();
        let computed = Truth::cosine(&queries, &rows.ids, &rows.vectors, 10);
        let mut recall = Recall::default();
        for query in 0..queries.rows().len() {
            recall.add(shipped.hits(query, &computed.0[query], 10));
        }
        assert_eq!((queries.dim, shipped.len()), (384, 200));
        assert!(recall.share() > 0.999, "{}", recall.share());
    }

    #[test]
    fn should_refuse_files_of_the_wrong_length() {
        assert!(Vectors::from_fbin(&[1, 0, 0]).is_err());
        assert!(Vectors::from_fbin(&[1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(Truth::from_ibin(&[0xff; 12]).is_err());
    }
}
