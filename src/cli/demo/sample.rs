//! The sample data, part of the program so that the demo runs anywhere: 2,000 dictionary
//! entries (`testdata/wordnet`) with their embeddings, 200 definitions as queries, and the exact answers.

use super::super::ground_truth::Vectors;
use anyhow::Context as _;
use arrow_array::{
    RecordBatch,
    cast::AsArray as _,
    types::{Float32Type, UInt64Type},
};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// The rows: id, text, part of speech, domain, counts, vector.
pub(crate) const ROWS: &[u8] = include_bytes!("../../../testdata/wordnet/slice2k.parquet");

/// Query vectors.
pub(crate) const QUERIES: &[u8] = include_bytes!("../../../testdata/wordnet/slice2k_query.fbin");

/// Their exact answers.
pub(crate) const TRUTH: &[u8] = include_bytes!("../../../testdata/wordnet/slice2k_gt_query.ibin");

/// Their exact answers among verbs.
pub(crate) const TRUTH_VERBS: &[u8] =
    include_bytes!("../../../testdata/wordnet/slice2k_gt_query_pos_v.ibin");

/// The rows in memory.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The ids.
    pub(crate) ids: Vec<u64>,
    /// What each row is about.
    pub(crate) texts: Vec<String>,
    /// The embeddings.
    pub(crate) vectors: Vectors,
}

/// Reads the rows.
pub(crate) fn rows() -> anyhow::Result<Rows> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from_static(ROWS))?.build()?;
    let batches = reader.collect::<Result<Vec<RecordBatch>, _>>()?;
    let schema = batches.first().context("the sample is empty")?.schema();
    let all = concat_batches(&schema, &batches)?;
    let column = |name: &str| {
        all.column_by_name(name)
            .context("the sample lacks a column")
    };
    let ids = column("id")?.as_primitive::<UInt64Type>();
    let texts = column("text")?.as_string::<i32>();
    let vectors = column("vector")?.as_fixed_size_list();
    let dim = usize::try_from(vectors.value_length())?;
    let values = vectors.values().as_primitive::<Float32Type>();
    Ok(Rows {
        ids: ids.values().to_vec(),
        texts: texts
            .iter()
            .map(|text| text.unwrap_or_default().to_owned())
            .collect(),
        vectors: Vectors::new(dim, values.values().to_vec()),
    })
}
