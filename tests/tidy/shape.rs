//! How long files and functions may be, and what no file may be without.

use super::source::Source;

/// The most lines of a file.
const FILE_LINES: usize = 600;

/// The most lines of a function.
const FUNCTION_LINES: usize = 70;

#[test]
fn should_say_at_the_top_what_a_file_is() {
    each(|source| {
        let fits = source.text.starts_with("//! ");
        (!fits).then(|| "does not start with `//! `".to_owned())
    });
}

#[test]
fn should_keep_files_short() {
    each(|source| {
        let lines = source.text.lines().count();
        (lines > FILE_LINES).then(|| format!("has {lines} lines, more than {FILE_LINES}"))
    });
}

#[test]
fn should_keep_functions_short() {
    each(|source| {
        let long = functions(&source.text).find(|(_, lines)| *lines > FUNCTION_LINES);
        long.map(|(head, lines)| format!("`{head}` has {lines} lines"))
    });
}

#[test]
fn should_leave_nothing_for_later() {
    let words = ["TO", "FIX", "XX"].into_iter().zip(["DO", "ME", "X"]);
    let words: Vec<String> = words.map(|(a, b)| format!("{a}{b}")).collect();
    each(|source| {
        let found = words.iter().find(|word| source.text.contains(*word));
        found.map(|word| format!("says {word}"))
    });
}

/// Fails with every file in which `fault` finds something.
fn each(fault: impl Fn(&Source) -> Option<String>) {
    let sources = Source::below(".");
    let wrong = sources.iter().filter_map(|source| {
        let fault = fault(source)?;
        Some(format!("{} {fault}", source.path.display()))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The functions of formatted code with their lines: the closing brace is indented like the head.
fn functions(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let heads: Vec<usize> = (0..lines.len()).filter(|at| is_head(lines[*at])).collect();
    heads.into_iter().filter_map(move |at| {
        let head = lines[at];
        let indent = &head[..head.len() - head.trim_start().len()];
        let is_end = |line: &&str| line.strip_prefix(indent) == Some("}");
        let length = lines[at..].iter().position(is_end)? + 1;
        let declared = |line: &&str| line.strip_prefix(indent).is_some_and(closes_declaration);
        let bodiless = lines[at..at + length].iter().any(declared);
        (!bodiless).then_some((head.trim(), length))
    })
}

/// Whether a line ends the parameters of a function without a body.
fn closes_declaration(line: &str) -> bool {
    line.starts_with(')') && line.ends_with(';')
}

/// Whether a function with a body of its own starts in this line.
fn is_head(line: &str) -> bool {
    let code = line.trim();
    let words = [
        "pub ",
        "pub(crate) ",
        "pub(super) ",
        "const ",
        "async ",
        "unsafe ",
    ];
    let mut rest = code;
    while let Some(word) = words.iter().find(|word| rest.starts_with(**word)) {
        rest = &rest[word.len()..];
    }
    rest.starts_with("fn ") && !code.ends_with([';', '}'])
}

#[test]
fn should_measure_functions() {
    let text = "fn a() {\n    1\n}\n\nimpl X {\n    pub(crate) async fn b(\n        x: u8,\n    ) {\n    }\n    fn c();\n    fn d(\n        x: u8,\n    );\n    fn e() {\n    }\n}";
    let found: Vec<(&str, usize)> = functions(text).collect();
    assert_eq!(
        found,
        [
            ("fn a() {", 3),
            ("pub(crate) async fn b(", 4),
            ("fn e() {", 2)
        ]
    );
}
