//! [`Source`]: a file of rows, whatever its format, as chunks of rows in order.

use super::{
    batch::Column,
    columns::{self, Naming},
    jsonl::{self, Row},
};
use anyhow::{Context as _, bail};
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_select::concat::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _},
    path::Path,
};

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, file or stream; Feather version 2.
    Arrow,
    /// One JSON object a line.
    Jsonl,
}

/// A file of rows as chunks of rows in order.
pub(super) struct Source {
    /// How many rows the file has, where it tells.
    pub(super) rows: Option<u64>,
    /// The column names that the file tells before it is read.
    pub(super) names: Option<Vec<String>>,
    input: Input,
    batch_rows: usize,
}

enum Input {
    Arrow(Box<dyn RecordBatchReader + Send>, Option<RecordBatch>),
    Lines(BufReader<File>, u64),
}

/// Some rows as they stand in the file.
#[derive(Debug)]
pub(super) enum Chunk {
    /// From a file of Arrow columns.
    Arrow(RecordBatch),
    /// From a file of lines.
    Lines(Vec<Row>),
}

impl Source {
    /// Opens a file, telling its format by its first bytes where none is given.
    pub(super) fn open(
        path: &Path,
        format: Option<Format>,
        batch_rows: usize,
    ) -> anyhow::Result<Self> {
        let mut file = File::open(path).context("cannot open the file")?;
        let mut head = Vec::new();
        file.by_ref().take(8).read_to_end(&mut head)?;
        file.rewind()?;
        let format = format.unwrap_or_else(|| detect(&head));
        let mut rows = None;
        let input = match format {
            Format::Parquet => {
                let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
                rows = u64::try_from(reader.metadata().file_metadata().num_rows()).ok();
                Input::Arrow(Box::new(reader.with_batch_size(batch_rows).build()?), None)
            }
            Format::Arrow if head.starts_with(b"ARROW1") => {
                let reader = FileReader::try_new_buffered(file, None)?;
                Input::Arrow(Box::new(reader), None)
            }
            Format::Arrow => {
                let reader = StreamReader::try_new_buffered(file, None)?;
                Input::Arrow(Box::new(reader), None)
            }
            Format::Jsonl => Input::Lines(BufReader::new(file), 0),
        };
        let names = match &input {
            Input::Arrow(reader, _) => {
                let schema = reader.schema();
                Some(schema.fields().iter().map(|f| f.name().clone()).collect())
            }
            Input::Lines(..) => None,
        };
        Ok(Self {
            rows,
            names,
            input,
            batch_rows,
        })
    }

    /// The next rows, `batch_rows` of them before the end; `None` at the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Chunk>> {
        let chunk = match &mut self.input {
            Input::Arrow(reader, rest) => {
                Chunk::Arrow(next_batch(reader.as_mut(), rest, self.batch_rows)?)
            }
            Input::Lines(file, line) => Chunk::Lines(jsonl::read(file, line, self.batch_rows)?),
        };
        Ok((chunk.len() > 0).then_some(chunk))
    }
}

/// Exactly `rows` rows, fewer only at the end, however the file cuts them.
fn next_batch(
    reader: &mut (dyn RecordBatchReader + Send),
    rest: &mut Option<RecordBatch>,
    rows: usize,
) -> anyhow::Result<RecordBatch> {
    let schema = reader.schema();
    let mut pieces: Vec<RecordBatch> = rest.take().into_iter().collect();
    let mut have: usize = pieces.iter().map(RecordBatch::num_rows).sum();
    while have < rows {
        let Some(piece) = reader.next() else {
            break;
        };
        let piece = piece?;
        have += piece.num_rows();
        pieces.push(piece);
    }
    // One piece is sliced in place: a file may be one huge batch.
    let all = match pieces.pop() {
        Some(only) if pieces.is_empty() => only,
        last => {
            pieces.extend(last);
            concat_batches(&schema, &pieces)?
        }
    };
    let taken = rows.min(all.num_rows());
    if all.num_rows() > taken {
        *rest = Some(all.slice(taken, all.num_rows() - taken));
    }
    Ok(all.slice(0, taken))
}

/// The format that a file with this beginning has.
fn detect(head: &[u8]) -> Format {
    if head.starts_with(b"PAR1") {
        Format::Parquet
    } else if head.starts_with(b"ARROW1") || head.starts_with(&[0xff; 4]) {
        Format::Arrow
    } else {
        Format::Jsonl
    }
}

impl Chunk {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Arrow(batch) => batch.num_rows(),
            Self::Lines(rows) => rows.len(),
        }
    }

    /// The rows before and from `at` on.
    pub(super) fn split(self, at: usize) -> (Self, Self) {
        match self {
            Self::Arrow(batch) => {
                let rest = batch.slice(at, batch.num_rows() - at);
                (Self::Arrow(batch.slice(0, at)), Self::Arrow(rest))
            }
            Self::Lines(mut rows) => {
                let rest = rows.split_off(at);
                (Self::Lines(rows), Self::Lines(rest))
            }
        }
    }

    /// The rows as columns of a write request.
    pub(super) fn columns(&self, naming: &Naming) -> anyhow::Result<Vec<Column>> {
        let columns = match self {
            Self::Arrow(batch) => columns::columns(batch, naming)?,
            Self::Lines(rows) => jsonl::columns(rows, naming)?,
        };
        if columns.iter().any(|column| column.name == "id") {
            return Ok(columns);
        }
        bail!(
            "there is no column `{}`; name the one with the ids with --id-column",
            naming.id
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, UInt64Array, cast::AsArray as _, types::UInt64Type};
    use arrow_ipc::writer::{FileWriter, StreamWriter};
    use std::{io::Write as _, sync::Arc};

    /// The ids of all chunks of a file.
    fn ids(path: &Path, batch_rows: usize) -> Vec<Vec<u64>> {
        let mut source = Source::open(path, None, batch_rows).unwrap();
        let mut found = Vec::new();
        while let Some(chunk) = source.next().unwrap() {
            let Chunk::Arrow(batch) = chunk else {
                panic!("no Arrow");
            };
            let column = batch.column(0).as_primitive::<UInt64Type>();
            found.push(column.values().to_vec());
        }
        found
    }

    #[test]
    fn should_cut_equal_chunks_however_the_file_is_cut() {
        let batch = |ids: Vec<u64>| {
            let ids: ArrayRef = Arc::new(UInt64Array::from(ids));
            RecordBatch::try_from_iter([("id", ids)]).unwrap()
        };
        let pieces = [batch(vec![0]), batch((1..8).collect()), batch(vec![8, 9])];
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = FileWriter::try_new(&mut file, &pieces[0].schema()).unwrap();
        for piece in &pieces {
            writer.write(piece).unwrap();
        }
        writer.finish().unwrap();
        let mut stream = tempfile::NamedTempFile::new().unwrap();
        let mut writer = StreamWriter::try_new(&mut stream, &pieces[0].schema()).unwrap();
        for piece in &pieces {
            writer.write(piece).unwrap();
        }
        writer.finish().unwrap();
        for path in [file.path(), stream.path()] {
            let expected = [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]];
            assert_eq!(ids(path, 4), expected);
        }
    }

    #[test]
    fn should_read_the_sample() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wordnet/slice2k.parquet");
        let mut source = Source::open(&path, None, 1_500).unwrap();
        assert_eq!(source.rows, Some(2_000));
        let mut chunks = Vec::new();
        while let Some(chunk) = source.next().unwrap() {
            chunks.push(chunk);
        }
        let sizes: Vec<usize> = chunks.iter().map(Chunk::len).collect();
        assert_eq!(sizes, [1_500, 500]);
        let naming = Naming {
            id: "id".to_owned(),
            vectors: Vec::new(),
            exclude: vec!["text".to_owned()],
        };
        let columns = chunks[0].columns(&naming).unwrap();
        let vector = columns.iter().find(|column| column.name == "vector");
        assert_eq!(vector.unwrap().kind.unwrap().to_string(), "[384]f32");
        assert!(columns.iter().all(|column| column.name != "text"));
    }

    #[test]
    fn should_ask_for_the_column_with_the_ids() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{{\"key\":1}}").unwrap();
        let mut source = Source::open(file.path(), None, 10).unwrap();
        let chunk = source.next().unwrap().unwrap();
        let naming = Naming {
            id: "id".to_owned(),
            vectors: Vec::new(),
            exclude: Vec::new(),
        };
        let error = chunk.columns(&naming).unwrap_err().to_string();
        assert!(error.contains("--id-column"), "{error}");
    }
}
