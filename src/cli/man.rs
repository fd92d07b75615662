//! `isobath man` and `isobath completions`: the command line, as `man` and shells want to know it.

use super::Cli;
use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

/// Prints the manual page, or writes those of all commands into a folder.
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The folder, which is made if need be.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Prints what a shell has to read to complete commands: `source <(isobath completions bash)`.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Runs `isobath man`.
pub(super) fn man(args: &ManArgs) -> anyhow::Result<()> {
    let pages = pages()?;
    let Some(dir) = &args.dir else {
        let page = pages.get("isobath.1").map(Vec::as_slice);
        return Ok(io::stdout().write_all(page.unwrap_or_default())?);
    };
    let failed = || format!("cannot write to {}", dir.display());
    fs::create_dir_all(dir).with_context(failed)?;
    for (name, page) in pages {
        fs::write(dir.join(name), page).with_context(failed)?;
    }
    Ok(())
}

/// Runs `isobath completions`.
pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(&completion(args.shell))?)
}

/// The manual pages of all commands by file name.
fn pages() -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = BTreeMap::new();
    add_pages(&command, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: &Command, pages: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        add_pages(sub, pages)?;
    }
    let man = Man::new(command.clone());
    let mut page = vec![];
    man.render(&mut page)?;
    pages.insert(man.get_filename(), page);
    Ok(())
}

fn completion(shell: Shell) -> Vec<u8> {
    let mut script = vec![];
    clap_complete::generate(shell, &mut Cli::command(), "isobath", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The files that packages install, which `ISOBATH_GENERATE=1` writes.
    fn compare(dir: &str, made: &BTreeMap<String, Vec<u8>>) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops").join(dir);
        if std::env::var_os("ISOBATH_GENERATE").is_some() {
            fs::remove_dir_all(&dir).ok();
            fs::create_dir_all(&dir).unwrap();
            for (name, text) in made {
                fs::write(dir.join(name), text).unwrap();
            }
        }
        let there = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap());
        let there = there.map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        });
        let there: BTreeMap<String, Vec<u8>> = there.collect();
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&there), names(made), "{}", dir.display());
        for (name, text) in made {
            let again = "ISOBATH_GENERATE=1 cargo test --workspace --bin isobath man::";
            assert!(
                there[name] == *text,
                "ops/{name} is not what the command line says; write it anew: {again}"
            );
        }
    }

    #[test]
    fn should_have_written_the_manual_of_the_command_line() {
        let made = pages().unwrap();
        assert!(
            made.contains_key("isobath-cluster-init.1"),
            "{:?}",
            made.keys()
        );
        compare("man", &made);
    }

    #[test]
    fn should_have_written_the_completions_of_the_command_line() {
        let shells = [
            ("isobath.bash", Shell::Bash),
            ("_isobath", Shell::Zsh),
            ("isobath.fish", Shell::Fish),
        ];
        let made = shells.map(|(name, shell)| (name.to_owned(), completion(shell)));
        compare("completions", &made.into());
    }
}
