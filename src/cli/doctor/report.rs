//! [`Report`]: findings in words, one a line, as they are made.

use std::io::{self, Write as _};

/// Findings in words, one a line, as they are made.
#[derive(Debug)]
pub(super) struct Report {
    out: io::Stdout,
    faults: u32,
    first: Option<anyhow::Error>,
}

impl Report {
    /// Nothing found yet.
    pub(super) fn new() -> Self {
        Self {
            out: io::stdout(),
            faults: 0,
            first: None,
        }
    }

    /// Something is as it should be.
    pub(super) fn good(&mut self, text: impl AsRef<str>) -> anyhow::Result<()> {
        Ok(writeln!(self.out, "ok       {}", text.as_ref())?)
    }

    /// Something that the operator should know.
    pub(super) fn note(&mut self, text: impl AsRef<str>) -> anyhow::Result<()> {
        Ok(writeln!(self.out, "note     {}", text.as_ref())?)
    }

    /// Something does not work.
    pub(super) fn bad(&mut self, error: anyhow::Error) -> anyhow::Result<()> {
        self.faults += 1;
        let line = format!("{error:#}").replace('\n', " ");
        self.first.get_or_insert(error);
        Ok(writeln!(self.out, "FAILED   {line}")?)
    }

    /// The first thing that does not work, if there is one.
    pub(super) fn verdict(mut self) -> anyhow::Result<()> {
        match self.first {
            Some(error) => {
                let more = match self.faults {
                    1 => "a node cannot run here".to_owned(),
                    n => format!("a node cannot run here for {n} reasons, the first"),
                };
                Err(error.context(more))
            }
            None => Ok(writeln!(self.out, "a node can run here")?),
        }
    }
}
