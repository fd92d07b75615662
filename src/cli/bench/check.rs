//! The targets of a run, as ratios of figures that were measured together.

use super::report::Report;
use anyhow::{Context as _, ensure};
use serde::Deserialize;
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

/// A figure and its bound.
struct Target {
    name: String,
    found: f64,
    bound: Bound,
}

enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A target that another program measured.
#[derive(Debug, Deserialize)]
struct Foreign {
    name: String,
    found: f64,
    #[serde(default)]
    at_least: Option<f64>,
    #[serde(default)]
    at_most: Option<f64>,
}

impl Target {
    fn at_least(name: impl Into<String>, found: f64, bound: f64) -> Self {
        let (name, bound) = (name.into(), Bound::AtLeast(bound));
        Self { name, found, bound }
    }

    fn at_most(name: impl Into<String>, found: f64, bound: f64) -> Self {
        let (name, bound) = (name.into(), Bound::AtMost(bound));
        Self { name, found, bound }
    }

    fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.found >= bound,
            Bound::AtMost(bound) => self.found <= bound,
        }
    }
}

/// Prints every target, and fails if one is missed.
pub(super) fn run(report: &Report, hnswlib: Option<&Path>) -> anyhow::Result<()> {
    let mut targets = own(report);
    if let Some(path) = hnswlib {
        targets.extend(foreign(path)?);
    }
    let mut out = io::stdout();
    for target in &targets {
        let state = if target.is_met() { "met   " } else { "MISSED" };
        let bound = match target.bound {
            Bound::AtLeast(bound) => format!("at least {bound}"),
            Bound::AtMost(bound) => format!("at most {bound}"),
        };
        writeln!(
            out,
            "{state}  {}: {:.3}, {bound}",
            target.name, target.found
        )?;
    }
    let missed = targets.iter().filter(|target| !target.is_met()).count();
    ensure!(
        missed == 0,
        "{missed} of {} targets are missed",
        targets.len()
    );
    Ok(())
}

/// The targets of what this command measures.
fn own(report: &Report) -> Vec<Target> {
    let ack = report.single_row_ack.p50_ms / report.file_create.p50_ms;
    let writers = report.writers.four_rows_per_s / report.writers.one_rows_per_s;
    let mut targets = vec![
        Target::at_most("ack of one row ÷ file created and synced", ack, 3.0),
        Target::at_least("rows/s of four writers ÷ of one, 5 ms added", writers, 3.0),
    ];
    for one in &report.searches {
        let least = if one.setting == "plain" { 0.97 } else { 0.95 };
        if one.wanted.is_none() && one.clients == 1 {
            let name = format!(
                "recall@10, {}, {}, default settings",
                one.setting, one.through
            );
            targets.push(Target::at_least(name, one.recall, least));
        }
    }
    targets
}

/// Targets from a file: a JSON array of `{name, found, at_least | at_most}`, or an object whose
/// `targets` are one.
fn foreign(path: &Path) -> anyhow::Result<Vec<Target>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum File {
        List(Vec<Foreign>),
        Object { targets: Vec<Foreign> },
    }
    let context = || format!("cannot read {}", path.display());
    let text = fs::read(path).with_context(context)?;
    let (File::List(list) | File::Object { targets: list }) =
        serde_json::from_slice(&text).with_context(context)?;
    let target = |foreign: Foreign| match (foreign.at_least, foreign.at_most) {
        (Some(bound), _) => Some(Target::at_least(foreign.name, foreign.found, bound)),
        (_, Some(bound)) => Some(Target::at_most(foreign.name, foreign.found, bound)),
        (None, None) => None,
    };
    Ok(list.into_iter().filter_map(target).collect())
}
