//! [`Data`]: rows, queries and exact answers to measure with.

use super::{
    super::{
        demo::sample,
        failure::Usage,
        ground_truth::{Truth, Vectors},
    },
    Args,
};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The queries in one setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// What it is called.
    pub(super) name: String,
    /// Which rows count.
    pub(super) filter: Option<Value>,
    /// The exact answers.
    pub(super) truth: Truth,
}

/// Rows, queries and exact answers to measure with.
#[derive(Debug)]
pub(super) struct Data {
    /// The file of the rows.
    pub(super) base: PathBuf,
    /// Query vectors.
    pub(super) queries: Vectors,
    /// Without a filter, then with each.
    pub(super) settings: Vec<Setting>,
}

impl Data {
    /// What the flags name, else the sample, whose rows are put into `dir`.
    pub(super) fn load(args: &Args, dir: &Path) -> anyhow::Result<Self> {
        let (Some(base), Some(queries), Some(truth)) = (&args.base, &args.queries, &args.truth)
        else {
            return Self::sample(dir);
        };
        let plain = Setting {
            name: "plain".to_owned(),
            filter: None,
            truth: Truth::from_ibin(&read(truth)?)?,
        };
        let mut settings = vec![plain];
        for filtered in args.filtered.chunks_exact(3) {
            let filter: Value = serde_json::from_str(&filtered[1]).map_err(|error| {
                Usage(format!("the filter {} is no JSON: {error}", filtered[1]))
            })?;
            settings.push(Setting {
                name: filtered[0].clone(),
                filter: Some(filter),
                truth: Truth::from_ibin(&read(Path::new(&filtered[2]))?)?,
            });
        }
        Ok(Self {
            base: base.clone(),
            queries: Vectors::from_fbin(&read(queries)?)?,
            settings,
        })
    }

    fn sample(dir: &Path) -> anyhow::Result<Self> {
        let base = dir.join("sample.parquet");
        fs::write(&base, sample::ROWS)?;
        let setting = |name: &str, filter, truth| {
            anyhow::Ok(Setting {
                name: name.to_owned(),
                filter,
                truth: Truth::from_ibin(truth)?,
            })
        };
        let verbs = Some(json!(["pos", "Eq", "v"]));
        Ok(Self {
            base,
            queries: Vectors::from_fbin(sample::QUERIES)?,
            settings: vec![
                setting("plain", None, sample::TRUTH)?,
                setting("pos_v", verbs, sample::TRUTH_VERBS)?,
            ],
        })
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
