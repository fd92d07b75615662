//! [`Matcher`]: a pattern ready to be matched with many texts.

use super::glob::to_regex;
use crate::search::{Pattern, SearchError, Syntax};
use isobath_storage::model::AttributeName;
use regex::{Regex, RegexBuilder};
use regex_syntax::{
    ParserBuilder,
    hir::{Hir, HirKind},
};
use std::fmt;

/// The longest pattern in bytes.
const MAX_BYTES: usize = 1024;
/// The most memory that a compiled pattern may take, bytes: a short pattern can describe a large automaton.
const MAX_COMPILED: usize = 2 << 20;
/// Groups inside each other.
const MAX_NEST: u32 = 100;
/// The most that matching one text may cost: its bytes times the pattern's positions, each of which may be
/// alive at every byte. Seconds at worst, and nothing can stop it.
const MAX_COST: usize = 1 << 28;

/// A pattern ready to be matched with many texts, in time linear in their length.
#[derive(Clone)]
pub(super) struct Matcher {
    attribute: AttributeName,
    pattern: Pattern,
    regex: Regex,
    positions: usize,
}

impl Matcher {
    /// Compiles a pattern for the values of an attribute.
    pub(super) fn new(attribute: &AttributeName, pattern: &Pattern) -> Result<Self, SearchError> {
        let compiled = compile(pattern);
        let (regex, positions) = compiled.map_err(|fault| SearchError::filter(attribute, fault))?;
        Ok(Self {
            attribute: attribute.clone(),
            pattern: pattern.clone(),
            regex,
            positions,
        })
    }

    /// What matching `text` costs at worst.
    #[inline]
    pub(super) fn cost(&self, text: &str) -> usize {
        text.len().saturating_mul(self.positions)
    }

    /// Whether `text` matches; an error where that costs too much.
    #[inline]
    pub(super) fn matches(&self, text: &str) -> Result<bool, SearchError> {
        if self.cost(text) > MAX_COST {
            return Err(self.too_costly(text));
        }
        Ok(self.regex.is_match(text))
    }

    #[cold]
    fn too_costly(&self, text: &str) -> SearchError {
        let (pattern, bytes) = (&self.pattern.text, text.len());
        let fault = format!("the pattern {pattern:?} is too complex for a value of {bytes} bytes");
        self.refuse(fault)
    }

    /// Why the pattern is not matched.
    pub(super) fn refuse(&self, fault: impl Into<String>) -> SearchError {
        SearchError::filter(&self.attribute, fault)
    }
}

/// A compiled pattern and its positions; else what is wrong with it.
fn compile(pattern: &Pattern) -> Result<(Regex, usize), String> {
    let text = &*pattern.text;
    if text.len() > MAX_BYTES {
        let found = text.len();
        return Err(format!(
            "the pattern has {found} bytes, more than {MAX_BYTES}"
        ));
    }
    let is_glob = pattern.syntax != Syntax::Regex;
    let ignore_case = pattern.syntax == Syntax::CaseInsensitiveGlob;
    let source = if is_glob {
        to_regex(text).map_err(|fault| format!("the pattern {text:?} is no glob: {fault}"))?
    } else {
        text.to_owned()
    };
    let parsed = ParserBuilder::new()
        .case_insensitive(ignore_case)
        .dot_matches_new_line(is_glob)
        .nest_limit(MAX_NEST)
        .build()
        .parse(&source)
        .map_err(|error| fault(text, &error.to_string()))?;
    let regex = RegexBuilder::new(&source)
        .case_insensitive(ignore_case)
        .dot_matches_new_line(is_glob)
        .nest_limit(MAX_NEST)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                format!("the pattern {text:?} is too large when compiled")
            }
            error => fault(text, &error.to_string()),
        })?;
    Ok((regex, positions(&parsed).max(1)))
}

/// At how many places of `pattern` a match may be at a time, with repetitions written out.
fn positions(pattern: &Hir) -> usize {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(_) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            positions(&repetition.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => positions(&capture.sub),
        HirKind::Concat(inner) | HirKind::Alternation(inner) => {
            inner.iter().map(positions).fold(0, usize::saturating_add)
        }
    }
}

/// What is wrong with a regular expression: `said` shows it over several lines, the fault in the last one.
fn fault(text: &str, said: &str) -> String {
    let last = said.lines().next_back().unwrap_or_default();
    let last = last.strip_prefix("error: ").unwrap_or(last);
    format!("the pattern {text:?} is no regular expression: {last}")
}

/// The pattern alone: the rest follows from it.
impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pattern.fmt(f)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(syntax: Syntax, text: &str) -> Result<Matcher, String> {
        let text = text.into();
        let matcher = Matcher::new(&"a".parse().unwrap(), &Pattern { syntax, text });
        matcher.map_err(|error| error.to_string())
    }

    fn matches(syntax: Syntax, pattern: &str, text: &str) -> bool {
        matcher(syntax, pattern).unwrap().matches(text).unwrap()
    }

    #[test]
    fn should_match_globs() {
        for (glob, text, wanted) in [
            ("", "", true),
            ("*", "any\nlines", true),
            ("a?c", "aüc", true),
            ("a?c", "ac", false),
            ("a*c", "abc/abc", true),
            ("*.{js,ts}", "a/b.ts", true),
            ("*.{js,ts}", "b.tsx", false),
            ("**.tsx", "src/b.tsx", true),
            ("/vendor/**", "/vendor/a/b", true),
            ("src/**/lib.rs", "src/lib.rs", true),
            ("src/**/lib.rs", "src/a/b/lib.rs", true),
            ("src/**/lib.rs", "src/a/blib.rs", false),
            ("[!a-c]x", "dx", true),
            ("[^a-c]x", "bx", false),
            ("[]-]", "-", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("a+(b)", "a+(b)", true),
        ] {
            let found = matches(Syntax::Glob, glob, text);
            assert_eq!(found, wanted, "{glob} {text}");
        }
        assert!(matches(Syntax::CaseInsensitiveGlob, "Äb[c-d]*", "äBDx"));
    }

    #[test]
    fn should_refuse_what_is_no_pattern_or_takes_too_much() {
        let fault = |syntax, text: &str| matcher(syntax, text).unwrap_err();
        let regex = |text: &str| fault(Syntax::Regex, text);
        assert_eq!(
            regex("a(b"),
            "filter error in key `a`: the pattern \"a(b\" is no regular expression: unclosed group"
        );
        assert!(regex(r"(a)\1").contains("backreferences are not supported"));
        assert!(regex("(?=a)").contains("look-around"));
        assert!(regex(r"\w{500}\w{500}").ends_with("is too large when compiled"));
        assert!(regex("((a{100}){100}){100}").ends_with("is too large when compiled"));
        assert!(regex(&"(".repeat(1000)).contains("no regular expression"));
        assert_eq!(
            regex(&"a".repeat(1025)),
            "filter error in key `a`: the pattern has 1025 bytes, more than 1024"
        );
        assert_eq!(
            fault(Syntax::Glob, "a[b"),
            "filter error in key `a`: the pattern \"a[b\" is no glob: an opening bracket without a closing one"
        );
    }

    #[test]
    fn should_take_linear_time() {
        let text = "a".repeat(1 << 20);
        assert!(!matches(Syntax::Regex, "^(a+)+$b", &text));
        assert!(!matches(Syntax::Glob, &"*a".repeat(500), "aaab"));
    }

    #[test]
    fn should_refuse_what_costs_too_much() {
        // Which of the last 500 letters are an `a` decides: no automaton that is small knows them all.
        let costly = matcher(Syntax::Regex, "[ab]*a[ab]{500}c").unwrap();
        assert_eq!(costly.positions, 503);
        assert!(!costly.matches(&"ab".repeat(1000)).unwrap());
        assert_eq!(
            costly
                .matches(&"ab".repeat(1 << 19))
                .unwrap_err()
                .to_string(),
            "filter error in key `a`: the pattern \"[ab]*a[ab]{500}c\" is too complex for a value of \
             1048576 bytes"
        );
    }
}
