//! [`Lines`]: what a person types, with what he typed before at hand.

use anyhow::Context as _;
use rustyline::{Config, DefaultEditor, error::ReadlineError};
use std::{env, path::PathBuf};

/// Lines that are remembered.
const REMEMBERED: usize = 1_000;
/// The variable that names the file of what was typed; empty = none is kept.
const HISTORY_VARIABLE: &str = "ISOBATH_SQL_HISTORY";
/// The file where the variable is not set, in the home directory.
const HISTORY_FILE: &str = ".isobath_sql_history";

/// What a person did at the prompt.
pub(super) enum Line {
    Text(String),
    /// Gave up what was typed so far.
    Dropped,
    End,
}

/// What a person types.
pub(super) struct Lines {
    editor: DefaultEditor,
    history: Option<PathBuf>,
}

impl Lines {
    /// Prepares the terminal and reads what was typed the last time.
    pub(super) fn open() -> anyhow::Result<Self> {
        let config = Config::builder()
            .max_history_size(REMEMBERED)?
            .auto_add_history(true)
            .build();
        let mut editor = DefaultEditor::with_config(config).context("cannot use the terminal")?;
        let history = match env::var_os(HISTORY_VARIABLE) {
            Some(path) => Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty()),
            None => env::home_dir().map(|home| home.join(HISTORY_FILE)),
        };
        if let Some(path) = &history {
            // there is none the first time
            drop(editor.load_history(path));
        }
        Ok(Self { editor, history })
    }

    /// The next line. `first` says whether a statement begins with it.
    pub(super) fn next(&mut self, first: bool) -> anyhow::Result<Line> {
        match self
            .editor
            .readline(if first { "isobath> " } else { "      -> " })
        {
            Ok(line) => Ok(Line::Text(line)),
            Err(ReadlineError::Interrupted) => Ok(Line::Dropped),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(error).context("cannot read the terminal"),
        }
    }

    /// Keeps what was typed for the next time.
    pub(super) fn close(mut self) {
        if let Some(path) = &self.history
            && let Err(error) = self.editor.save_history(path)
        {
            tracing::warn!(%error, path = %path.display(), "what was typed is not kept");
        }
    }
}
