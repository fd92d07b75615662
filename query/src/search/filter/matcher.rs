//! [`Matcher`]: a pattern ready to be matched with many texts.

use super::glob::to_regex;
use crate::search::{Pattern, Syntax};
use regex::{Regex, RegexBuilder};
use std::fmt;

/// The longest pattern in bytes.
const MAX_BYTES: usize = 1024;
/// The most memory that a compiled pattern may take, bytes: a short pattern can describe a large automaton.
const MAX_COMPILED: usize = 2 << 20;
/// Groups inside each other.
const MAX_NEST: u32 = 100;

/// A pattern ready to be matched with many texts, in time linear in their length.
#[derive(Clone)]
pub(super) struct Matcher {
    pattern: Pattern,
    regex: Regex,
}

impl Matcher {
    /// Compiles a pattern; else what is wrong with it.
    pub(super) fn new(pattern: &Pattern) -> Result<Self, String> {
        let text = &*pattern.text;
        if text.len() > MAX_BYTES {
            let found = text.len();
            return Err(format!(
                "the pattern has {found} bytes, more than {MAX_BYTES}"
            ));
        }
        let is_glob = pattern.syntax != Syntax::Regex;
        let source = if is_glob {
            to_regex(text).map_err(|fault| format!("the pattern {text:?} is no glob: {fault}"))?
        } else {
            text.to_owned()
        };
        let regex = RegexBuilder::new(&source)
            .case_insensitive(pattern.syntax == Syntax::CaseInsensitiveGlob)
            .dot_matches_new_line(is_glob)
            .nest_limit(MAX_NEST)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .build()
            .map_err(|error| fault(text, &error))?;
        Ok(Self {
            pattern: pattern.clone(),
            regex,
        })
    }

    /// Whether `text` matches.
    #[inline]
    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

fn fault(text: &str, error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            format!("the pattern {text:?} is too large when compiled")
        }
        // The text shows the pattern over several lines; what is wrong stands in the last one.
        error => {
            let said = error.to_string();
            let last = said.lines().next_back().unwrap_or_default();
            let last = last.strip_prefix("error: ").unwrap_or(last);
            format!("the pattern {text:?} is no regular expression: {last}")
        }
    }
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
        Matcher::new(&Pattern { syntax, text })
    }

    #[test]
    fn should_match_globs() {
        for (glob, text, matches) in [
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
            let found = matcher(Syntax::Glob, glob).unwrap().matches(text);
            assert_eq!(found, matches, "{glob} {text}");
        }
        let ignoring = matcher(Syntax::CaseInsensitiveGlob, "Äb[c-d]*").unwrap();
        assert!(ignoring.matches("äBDx"));
    }

    #[test]
    fn should_refuse_what_is_no_pattern_or_takes_too_much() {
        let fault = |syntax, text: &str| matcher(syntax, text).unwrap_err();
        let regex = |text: &str| fault(Syntax::Regex, text);
        assert_eq!(
            regex("a(b"),
            "the pattern \"a(b\" is no regular expression: unclosed group"
        );
        assert!(regex(r"(a)\1").contains("backreferences are not supported"));
        assert!(regex("(?=a)").contains("look-around"));
        assert!(regex(r"\w{500}\w{500}").ends_with("is too large when compiled"));
        assert!(regex("((a{100}){100}){100}").ends_with("is too large when compiled"));
        assert!(regex(&"(".repeat(1000)).contains("no regular expression"));
        assert_eq!(
            regex(&"a".repeat(1025)),
            "the pattern has 1025 bytes, more than 1024"
        );
        assert_eq!(
            fault(Syntax::Glob, "a[b"),
            "the pattern \"a[b\" is no glob: an opening bracket without a closing one"
        );
    }

    #[test]
    fn should_take_linear_time() {
        let text = "a".repeat(1 << 20);
        assert!(!matcher(Syntax::Regex, "^(a+)+$b").unwrap().matches(&text));
        assert!(
            !matcher(Syntax::Glob, &"*a".repeat(500))
                .unwrap()
                .matches("aaab")
        );
    }
}
