//! `isobath sql`: statements from the command line, a file or a person, over HTTP.

mod line;
mod server;
mod split;
mod table;

use super::client::ServerArgs;
use isobath_storage::{Clock, SystemClock};
use line::{Line, Lines};
use server::{Done, Server};
use std::{
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::PathBuf,
    sync::Arc,
};

/// Runs SQL statements; without any it asks for them.
///
/// `SET` holds for the statements after it. A person is shown how long each of them took; `\?` says what
/// else there is.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    server: ServerArgs,
    /// Statements to run, separated by semicolons.
    #[arg(long, short, value_name = "SQL")]
    command: Vec<String>,
    /// A file of statements; `-` is standard input.
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How rows are shown.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Shows how long each statement took.
    #[arg(long)]
    timing: bool,
}

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// A table for people.
    Table,
    /// One JSON object a line.
    Jsonl,
}

/// What a person can ask for besides statements.
const HELP: &str = "\
\\dt          lists the tables
\\d TABLE     lists the columns of a table
\\timing      shows how long statements take, or stops it
\\q           ends";

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let client = args.server.client(Arc::clone(&clock))?;
    let interactive = args.command.is_empty() && args.file.is_none() && io::stdin().is_terminal();
    let mut shell = Shell {
        server: Server::new(client),
        clock,
        format: args.format,
        timing: args.timing || interactive,
    };
    if interactive {
        return shell.ask().await;
    }
    for text in &args.command {
        shell.run_all(text).await?;
    }
    let text = match args.file {
        Some(path) if path.as_os_str() != "-" => std::fs::read_to_string(path)?,
        None if !args.command.is_empty() => return Ok(()),
        _ => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    shell.run_all(&text).await
}

/// One conversation with a server.
struct Shell {
    server: Server,
    clock: Arc<dyn Clock>,
    format: Format,
    timing: bool,
}

impl Shell {
    /// Runs all statements of a text, up to the first that fails.
    async fn run_all(&mut self, text: &str) -> anyhow::Result<()> {
        let (statements, rest) = split::statements(text);
        for statement in statements.iter().map(String::as_str).chain([rest.as_str()]) {
            if !split::is_blank(statement) {
                self.run(statement).await?;
            }
        }
        Ok(())
    }

    /// Asks for statements until the person ends it.
    async fn ask(&mut self) -> anyhow::Result<()> {
        let mut lines = Lines::open()?;
        let mut text = String::new();
        say(&format!("isobath at {}, \\? for help", self.server.url()))?;
        loop {
            let line = match lines.next(text.is_empty())? {
                Line::Text(line) => line,
                Line::Dropped => {
                    text.clear();
                    continue;
                }
                Line::End => break,
            };
            if text.is_empty() && line.trim_start().starts_with('\\') {
                match self.meta(line.trim()).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => complain(&error),
                }
                continue;
            }
            text.push_str(&line);
            text.push('\n');
            let (statements, rest) = split::statements(&text);
            text = if split::is_blank(&rest) {
                String::new()
            } else {
                rest
            };
            for statement in statements {
                if let Err(error) = self.run(&statement).await {
                    complain(&error);
                }
            }
        }
        lines.close();
        Ok(())
    }

    /// Does what a line that begins with a backslash says; whether to go on.
    async fn meta(&mut self, line: &str) -> anyhow::Result<bool> {
        let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
        match (command, argument.trim()) {
            ("\\q", _) => return Ok(false),
            ("\\timing", _) => {
                self.timing = !self.timing;
                say(if self.timing {
                    "timing is on"
                } else {
                    "timing is off"
                })?;
            }
            ("\\d" | "\\dt", "") => {
                let sql = "SELECT table_name AS name FROM information_schema.tables \
                           WHERE table_schema = 'public' ORDER BY 1";
                self.run(sql).await?;
            }
            ("\\d", table) => {
                let table = table.trim_matches('"').replace('\'', "''");
                let sql = format!(
                    "SELECT a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type \
                     FROM pg_attribute a WHERE a.attrelid = to_regclass('{table}') ORDER BY a.attnum"
                );
                self.run(&sql).await?;
            }
            ("\\?", _) => say(HELP)?,
            _ => say("unknown command, \\? for help")?,
        }
        Ok(true)
    }

    async fn run(&mut self, statement: &str) -> anyhow::Result<()> {
        let start = self.clock.monotonic();
        let done = self.server.run(statement).await?;
        let took = self.clock.monotonic().saturating_sub(start);
        match done {
            Done::Rows { columns, rows } => match self.format {
                Format::Table => say(&table::shown(&columns, &rows))?,
                Format::Jsonl => rows.iter().try_for_each(|row| say(row.get()))?,
            },
            Done::Command(said) if self.format == Format::Table => say(&said)?,
            Done::Command(_) => {}
        }
        if self.timing {
            say(&format!("time: {:.1} ms", took.as_secs_f64() * 1e3))?;
        }
        Ok(())
    }
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Shows an error and goes on.
fn complain(error: &anyhow::Error) {
    // nothing is left to be done where stderr is closed
    drop(writeln!(io::stderr(), "error: {error:#}"));
}
