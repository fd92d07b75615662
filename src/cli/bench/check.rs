//! The targets of a run, as ratios of figures that were measured together.

use super::{
    report::Report,
    search::{Baseline, Measured},
};
use anyhow::ensure;
use std::io::{self, Write as _};

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
pub(super) fn run(report: &Report) -> anyhow::Result<()> {
    let targets = targets(report);
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
fn targets(report: &Report) -> Vec<Target> {
    let mut targets = vec![];
    if let Some(written) = &report.written {
        let ack = written.single_row_ack.p50_ms / written.file_create.p50_ms;
        let writers = written.writers.four_rows_per_s / written.writers.one_rows_per_s;
        targets.push(Target::at_most(
            "ack of one row ÷ file created and synced",
            ack,
            3.0,
        ));
        targets.push(Target::at_least(
            "rows/s of four writers ÷ of one, 5 ms added",
            writers,
            3.0,
        ));
    }
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
    targets.extend(front_end(report));
    if let Some(texts) = &report.texts {
        let name = "p99 ms of a search for words over HTTP";
        targets.push(Target::at_most(name, texts.plain.p99_ms, 10.0));
    }
    targets
}

/// Many searches over HTTP against as many requests that search nothing.
fn front_end(report: &Report) -> impl Iterator<Item = Target> + '_ {
    let ratio = |base: &Baseline| {
        let of = |one: &&Measured| {
            let same = one.setting == base.setting && one.clients == base.clients;
            same && one.wanted.is_none() && one.through == "http"
        };
        let one = report.searches.iter().find(of)?;
        let name = format!(
            "HTTP searches/s, {}, {} clients ÷ canned answers/s",
            base.setting, base.clients
        );
        Some(Target::at_least(name, one.rate.qps / base.rate.qps, 0.5))
    };
    let many = |base: &&Baseline| base.clients >= 8;
    report.baselines.iter().filter(many).filter_map(ratio)
}
