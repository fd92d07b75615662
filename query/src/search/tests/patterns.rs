//! Globs and regular expressions with matchers that are plain and slow.

use proptest::{prelude::*, sample::select};

/// Whether a text matches.
type Meaning = fn(&str) -> bool;

/// Regular expressions, each with what it means.
pub(super) const REGEXES: &[(&str, Meaning)] = &[
    ("", |_| true),
    ("^$", str::is_empty),
    ("a", |text| text.contains('a')),
    ("^a", |text| text.starts_with('a')),
    ("(?m)^a", |text| {
        text.lines().any(|line| line.starts_with('a'))
    }),
    ("(?i)a", |text| text.contains(['a', 'A'])),
    ("^[^a]+$", |text| !text.is_empty() && !text.contains('a')),
    ("^.$", |text| text.chars().count() == 1),
    (r"\w/\w", |text| {
        text.contains("a/b") || text.contains("b/a")
    }),
];

/// A glob over the letters of the sample's texts.
pub(super) fn glob() -> impl Strategy<Value = String> {
    let plain = select(vec![
        "a", "b", "A", "ü", "/", "*", "*", "?", "**", "**/", "\\*", "[ab]", "[!a]", "[a-c]",
        "[^/]", "[]*-]",
    ]);
    let plain = prop::collection::vec(plain, 1..4).prop_map(|pieces| pieces.concat());
    // After a choice nothing tells whether a folder starts.
    let inner = plain
        .clone()
        .prop_filter("a folder", |choice| !choice.ends_with('/'));
    let choice = prop::collection::vec(inner, 1..3);
    let choice = choice.prop_map(|choices| format!("{{{}}}", choices.join(",")));
    let piece = prop_oneof![2 => plain, 1 => choice];
    prop::collection::vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

/// Whether `glob` describes the whole of `text`, by trying everything.
pub(super) fn glob_matches(glob: &str, text: &str, ignore_case: bool) -> bool {
    let fold = |text: &str| {
        if ignore_case {
            text.to_lowercase()
        } else {
            text.to_owned()
        }
    };
    let text: Vec<char> = fold(text).chars().collect();
    let globs = expand(&glob.chars().collect::<Vec<_>>());
    globs.iter().any(|glob| {
        let glob: String = glob.iter().collect();
        let glob: Vec<char> = fold(&glob).chars().collect();
        matches(&glob, &text, true)
    })
}

/// The globs without braces that one with braces, not inside each other, stands for.
fn expand(glob: &[char]) -> Vec<Vec<char>> {
    let find = |wanted: char| {
        let unescaped = |at: usize| at == 0 || glob[at - 1] != '\\';
        (0..glob.len()).find(|at| glob[*at] == wanted && unescaped(*at))
    };
    let (Some(open), Some(close)) = (find('{'), find('}')) else {
        return vec![glob.to_vec()];
    };
    let tails = expand(&glob[close + 1..]);
    let choices = glob[open + 1..close].split(|c| *c == ',');
    let with = |choice: &[char]| {
        let head = [&glob[..open], choice].concat();
        tails
            .iter()
            .map(move |tail| [head.as_slice(), tail].concat())
            .collect::<Vec<_>>()
    };
    choices.flat_map(with).collect()
}

/// `folder` tells whether a name starts where the glob starts.
fn matches(glob: &[char], text: &[char], folder: bool) -> bool {
    match glob {
        [] => text.is_empty(),
        ['*', '*', '/', rest @ ..] if folder => {
            let slash = |at: usize| text[at] == '/' && matches(rest, &text[at + 1..], true);
            matches(rest, text, true) || (0..text.len()).any(slash)
        }
        ['*', rest @ ..] => (0..=text.len()).any(|at| matches(rest, &text[at..], false)),
        ['?', rest @ ..] => !text.is_empty() && matches(rest, &text[1..], false),
        ['[', class @ ..] => {
            let (negated, class) = match class {
                ['!' | '^', class @ ..] => (true, class),
                class => (false, class),
            };
            let end = 1 + class[1..].iter().position(|c| *c == ']').unwrap();
            let (mut class, rest) = (&class[..end], &class[end + 1..]);
            let Some((c, text)) = text.split_first() else {
                return false;
            };
            let mut found = false;
            while let Some(low) = class.first() {
                if let [_, '-', high, ..] = class {
                    found |= (*low..=*high).contains(c);
                    class = &class[3..];
                } else {
                    found |= low == c;
                    class = &class[1..];
                }
            }
            found != negated && matches(rest, text, false)
        }
        ['\\', c, rest @ ..] | [c, rest @ ..] => {
            text.first() == Some(c) && matches(rest, &text[1..], *c == '/')
        }
    }
}
