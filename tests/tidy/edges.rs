//! The allowed edges between our crates, and between the modules inside the larger ones.

use super::source::Source;
use std::{collections::BTreeSet, fs, path::Path};

/// `(crate folder, crates of ours it may depend on)`.
const CRATES: [(&str, &[&str]); 6] = [
    ("config", &[]),
    ("storage", &["config"]),
    ("compactor", &["config", "storage"]),
    ("query", &["config", "storage"]),
    ("sql", &["config", "storage", "query"]),
    (".", &["config", "storage", "compactor", "query", "sql"]),
];

/// `(module of storage, modules it may use)`; what is not named here may be used by all.
const STORAGE: [(&str, &[&str]); 7] = [
    ("model", &[]),
    ("fold", &["model"]),
    ("format", &["model", "fold"]),
    ("store", &["model", "format"]),
    ("catalog", &["model", "fold", "format", "store"]),
    ("log", &["model", "fold", "format", "store", "catalog"]),
    (
        "replicate",
        &["model", "fold", "format", "store", "catalog", "log"],
    ),
];

/// The same for query.
const QUERY: [(&str, &[&str]); 3] = [
    ("view", &[]),
    ("index", &["view"]),
    ("search", &["view", "index"]),
];

/// Modules of storage that know no IO.
const PURE: [&str; 3] = ["model", "format", "fold"];

#[test]
fn should_depend_downwards_between_crates() {
    for (folder, allowed) in CRATES {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(folder)
            .join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let found: BTreeSet<&str> = text
            .lines()
            .skip_while(|line| *line != "[dependencies]")
            .take_while(|line| *line != "[dev-dependencies]")
            .filter_map(|line| line.strip_prefix("isobath-"))
            .filter_map(|line| line.split(['.', ' ', '=']).next())
            .collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert!(
            found.is_subset(&allowed),
            "{folder}: {found:?} is more than {allowed:?}"
        );
    }
}

#[test]
fn should_depend_downwards_inside_storage() {
    check_modules("storage/src", &STORAGE);
}

#[test]
fn should_depend_downwards_inside_query() {
    check_modules("query/src", &QUERY);
}

#[test]
fn should_keep_io_out_of_pure_modules() {
    for module in PURE {
        for source in Source::below(&format!("storage/src/{module}")) {
            for banned in ["tokio::", "object_store::", "std::fs", "std::net"] {
                let found = source.product().contains(banned);
                assert!(!found, "{} uses {banned}", source.path.display());
            }
        }
    }
}

/// Checks that every module of a crate uses only what it may.
fn check_modules(folder: &str, rules: &[(&str, &[&str])]) {
    let modules: Vec<&str> = rules.iter().map(|(module, _)| *module).collect();
    let mut wrong = Vec::new();
    for (module, allowed) in rules {
        let files = Source::below(folder).into_iter().filter(|source| {
            let inside = source.path.strip_prefix(folder).unwrap();
            let first = inside.iter().next().and_then(|part| part.to_str());
            first.map(|first| first.trim_end_matches(".rs")) == Some(*module)
        });
        for source in files {
            for used in uses(&source, folder) {
                let fits = used == *module || allowed.contains(&used.as_str());
                if modules.contains(&used.as_str()) && !fits {
                    wrong.push(format!("{} uses {used}", source.path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not allowed: {wrong:#?}");
}

/// The modules at the root of its crate that a file names, by `crate::` or enough of `super::`.
fn uses(source: &Source, folder: &str) -> BTreeSet<String> {
    let inside = source.path.strip_prefix(folder).unwrap();
    let parts = inside.iter().count();
    let depth = if inside.ends_with("mod.rs") {
        parts - 1
    } else {
        parts
    };
    let text: String = source
        .product()
        .lines()
        .filter(|line| !is_comment(line))
        .collect();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        found.extend(heads(&text[at + "crate::".len()..]));
    }
    let up = "super::".repeat(depth);
    for (at, _) in text.match_indices(&up) {
        found.extend(heads(&text[at + up.len()..]));
    }
    found
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The first names of a path: one, or those of a group in braces.
fn heads(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut names = vec![name(group.trim_start())];
    let mut depth = 1;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(name(group[at + 1..].trim_start())),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

#[test]
fn should_find_every_form_of_use() {
    let source = Source {
        path: "storage/src/format/segment/block.rs".into(),
        text: "use crate::{model::{A, B}, fold::C};\nuse super::super::super::store::D;\n\
               // crate::log\nuse super::catalog;\nfn f() { crate::clock::g() }\n\
               #[cfg(test)]\nuse crate::test_only;"
            .to_owned(),
    };
    let found = uses(&source, "storage/src");
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, ["clock", "fold", "model", "store"]);
}
