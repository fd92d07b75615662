//! [`Report`]: all figures of a run.

use super::{
    latency::Latency,
    search::{Baseline, Measured},
    steps::Steps,
    system::Memory,
    text::TextSearches,
    writes::Writers,
};
use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use indicatif::HumanBytes;
use serde::Serialize;
use std::fmt;

/// All figures of a run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The writes; none where there were none.
    #[serde(flatten)]
    pub(super) written: Option<Written>,
    /// The searches.
    pub(super) searches: Vec<Measured>,
    /// The same requests without a search.
    pub(super) baselines: Vec<Baseline>,
    /// Where the time of queries goes in the server.
    pub(super) steps: Vec<Steps>,
    /// Searches for words; none where rows have no texts.
    pub(super) texts: Option<TextSearches>,
    /// Memory at the end.
    pub(super) memory: Memory,
}

/// The figures of writes.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    /// A file and its directory entry on the disk.
    pub(super) file_create: Latency,
    /// Writes of one row.
    pub(super) single_row_ack: Latency,
    /// Writes of a thousand rows.
    pub(super) thousand_row_ack: Latency,
    /// One writer against four.
    pub(super) writers: Writers,
    /// The import.
    pub(super) ingest: Ingest,
}

/// The import of all rows.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Ingest {
    /// How many.
    pub(super) rows: u64,
    /// Until the last was acked.
    pub(super) seconds: f64,
    /// Until all were indexed and merged.
    pub(super) indexed_seconds: f64,
    /// Bytes in the bucket, where it is a directory.
    pub(super) bucket_bytes: Option<u64>,
    /// Bytes in the cache directory.
    pub(super) cache_bytes: Option<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(written) = &self.written {
            writeln!(f, "{}", self.writes(written))?;
        }
        writeln!(f, "{}", self.reads())?;
        write!(f, "{}", self.where_time_goes())?;
        match &self.texts {
            Some(texts) => write!(f, "\n{}", texts.table()),
            None => Ok(()),
        }
    }
}

impl Report {
    fn writes(&self, written: &Written) -> Table {
        let mut table = table();
        table.set_header(["writes and space", "", ""]);
        let latency = |l: &Latency| {
            [
                format!("p50 {:.2} ms", l.p50_ms),
                format!("p99 {:.2} ms", l.p99_ms),
            ]
        };
        for (name, of) in [
            ("file created and synced", &written.file_create),
            ("ack of 1 row", &written.single_row_ack),
            ("ack of 1,000 rows", &written.thousand_row_ack),
        ] {
            let [p50, p99] = latency(of);
            table.add_row([name.to_owned(), p50, p99]);
        }
        let ingest = &written.ingest;
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = ingest.rows as f64 / ingest.seconds.max(0.001);
        let bytes =
            |bytes: Option<u64>| bytes.map_or("-".to_owned(), |b| HumanBytes(b).to_string());
        table.add_row([
            format!("import of {} rows", ingest.rows),
            format!("{rate:.0} rows/s"),
            format!("indexed after {:.1} s", ingest.indexed_seconds),
        ]);
        table.add_row([
            "writers, 5 ms added per store request".to_owned(),
            format!("one {:.0} rows/s", written.writers.one_rows_per_s),
            format!("four {:.0} rows/s", written.writers.four_rows_per_s),
        ]);
        table.add_row([
            "bytes".to_owned(),
            format!("bucket {}", bytes(ingest.bucket_bytes)),
            format!("cache {}", bytes(ingest.cache_bytes)),
        ]);
        table.add_row([
            "memory".to_owned(),
            format!("resident {}", HumanBytes(self.memory.resident)),
            format!("peak {}", HumanBytes(self.memory.peak)),
        ]);
        table
    }

    fn reads(&self) -> Table {
        let mut table = table();
        table.set_header([
            "searches",
            "wanted",
            "recall@10",
            "through",
            "clients",
            "QPS",
            "p50 ms",
            "p99 ms",
            "CPU µs",
            "path",
        ]);
        for one in &self.searches {
            table.add_row([
                one.setting.clone(),
                one.wanted
                    .map_or("default".to_owned(), |wanted| format!("{wanted}")),
                format!("{:.4}", one.recall),
                one.through.to_owned(),
                one.clients.to_string(),
                format!("{:.0}", one.rate.qps),
                format!("{:.3}", one.rate.latency.p50_ms),
                format!("{:.3}", one.rate.latency.p99_ms),
                format!("{:.1}", one.rate.cpu_us),
                one.path.clone(),
            ]);
        }
        for one in &self.baselines {
            table.add_row([
                one.setting.clone(),
                "-".to_owned(),
                "-".to_owned(),
                "canned".to_owned(),
                one.clients.to_string(),
                format!("{:.0}", one.rate.qps),
                format!("{:.3}", one.rate.latency.p50_ms),
                format!("{:.3}", one.rate.latency.p99_ms),
                format!("{:.1}", one.rate.cpu_us),
                "none".to_owned(),
            ]);
        }
        table
    }
}

impl Report {
    /// Processor time of a query over HTTP with the most clients: what HTTP alone takes, the steps in the
    /// server, and what is left.
    fn where_time_goes(&self) -> Table {
        let mut table = table();
        table.set_header([
            "CPU µs per query",
            "all",
            "HTTP alone",
            "decode",
            "strong read",
            "search",
            "encode",
            "rest",
        ]);
        for steps in &self.steps {
            let mut bases = self.baselines.iter();
            let base = bases.rfind(|base| base.setting == steps.setting);
            let Some(base) = base else { continue };
            let same = |one: &&Measured| {
                let default = one.wanted.is_none() && one.through == "http";
                default && one.setting == base.setting && one.clients == base.clients
            };
            let Some(all) = self.searches.iter().find(same) else {
                continue;
            };
            let (all, http) = (all.rate.cpu_us, base.rate.cpu_us);
            let known = [
                http,
                steps.decode_us,
                steps.strong_us,
                steps.search_us,
                steps.encode_us,
            ];
            let rest = all - known.iter().sum::<f64>();
            let figures = [all].into_iter().chain(known).chain([rest]);
            let figures = figures.map(|us| format!("{us:.1}"));
            table.add_row([steps.setting.clone()].into_iter().chain(figures));
        }
        table
    }
}

impl TextSearches {
    fn table(&self) -> Table {
        let mut table = table();
        table.set_header(["searches for 2 to 5 words", "", ""]);
        for (name, of) in [
            ("BM25, HTTP, 1 client", &self.plain),
            ("with a token filter", &self.filtered),
        ] {
            table.add_row([
                name.to_owned(),
                format!("p50 {:.2} ms", of.p50_ms),
                format!("p99 {:.2} ms", of.p99_ms),
            ]);
        }
        let indexed = format!("{:.1} s", self.indexed_seconds);
        table.add_row(["all texts indexed after".to_owned(), indexed, String::new()]);
        table
    }
}

fn table() -> Table {
    let mut table = Table::new();
    table
        .load_preset(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}
