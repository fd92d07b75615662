//! [`Output`]: the file that an export writes.

use super::{super::failure::Usage, table};
use anyhow::Context as _;
use arrow_ipc::writer::FileWriter;
use arrow_json::reader::Decoder;
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use serde_json::{Map, Value, value::RawValue};
use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

/// How the file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// An Arrow IPC file; Feather version 2.
    Arrow,
}

/// Where bytes go.
type Sink = BufWriter<Box<dyn Write + Send>>;

/// The file that an export writes.
pub(super) struct Output {
    writer: Writer,
    /// The file under its temporary name, and its final one.
    file: Option<(PathBuf, PathBuf)>,
}

enum Writer {
    Jsonl(Sink),
    Parquet(Box<Decoder>, Box<ArrowWriter<Sink>>),
    Arrow(Box<Decoder>, Box<FileWriter<Sink>>),
}

impl Output {
    /// Opens the file, or standard output, for rows of a namespace with this schema, up to
    /// `page_rows` at a time.
    pub(super) fn create(
        format: Format,
        path: Option<&Path>,
        schema: &Map<String, Value>,
        page_rows: usize,
    ) -> anyhow::Result<Self> {
        if path.is_none() && format != Format::Jsonl && io::stdout().is_terminal() {
            let text = "this format is not for terminals; give --output FILE";
            return Err(Usage(text.to_owned()).into());
        }
        let file = path.map(|path| {
            let mut partial = path.as_os_str().to_owned();
            partial.push(".partial");
            (PathBuf::from(partial), path.to_owned())
        });
        let sink: Box<dyn Write + Send> = match &file {
            Some((partial, _)) => Box::new(
                File::create(partial)
                    .with_context(|| format!("cannot create {}", partial.display()))?,
            ),
            None => Box::new(io::stdout()),
        };
        let writer = Writer::new(format, BufWriter::new(sink), schema, page_rows)?;
        Ok(Self { writer, file })
    }

    /// Appends rows.
    pub(super) fn write(&mut self, rows: &[Box<RawValue>]) -> anyhow::Result<()> {
        match &mut self.writer {
            Writer::Jsonl(sink) => {
                for row in rows {
                    writeln!(sink, "{}", row.get())?;
                }
            }
            Writer::Parquet(decoder, writer) => writer.write(&table::decode(decoder, rows)?)?,
            Writer::Arrow(decoder, writer) => writer.write(&table::decode(decoder, rows)?)?,
        }
        Ok(())
    }

    /// Completes the file and gives it its name.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self.writer {
            Writer::Jsonl(mut sink) => sink.flush()?,
            Writer::Parquet(_, writer) => writer.into_inner()?.flush()?,
            Writer::Arrow(_, writer) => writer.into_inner()?.flush()?,
        }
        if let Some((partial, path)) = self.file {
            fs::rename(&partial, &path)
                .with_context(|| format!("cannot name the file {}", path.display()))?;
        }
        Ok(())
    }
}

impl Writer {
    fn new(
        format: Format,
        sink: Sink,
        schema: &Map<String, Value>,
        page_rows: usize,
    ) -> anyhow::Result<Self> {
        if format == Format::Jsonl {
            return Ok(Self::Jsonl(sink));
        }
        let schema = table::schema(schema)?;
        let decoder = Box::new(table::decoder(&schema, page_rows)?);
        if format == Format::Arrow {
            let writer = FileWriter::try_new(sink, &schema)?;
            return Ok(Self::Arrow(decoder, Box::new(writer)));
        }
        let compression = Compression::ZSTD(ZstdLevel::try_new(3)?);
        let properties = WriterProperties::builder().set_compression(compression);
        let writer = ArrowWriter::try_new(sink, schema, Some(properties.build()))?;
        Ok(Self::Parquet(decoder, Box::new(writer)))
    }
}
