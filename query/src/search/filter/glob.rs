//! [`to_regex`]: a glob pattern as a regular expression, which takes linear time.

use std::{iter::Peekable, str::Chars};

/// Braces inside each other.
const MAX_DEPTH: usize = 16;

/// The regular expression that finds what the whole of `glob` describes; else what is wrong with `glob`.
///
/// `*` stands for any text, `?` for any character, `[a-c]` for one of them, `[!a-c]` for any other,
/// `{a,b}` for one of the alternatives, `**/` at the start or after a slash for any folders or none;
/// `\` takes the meaning from the next character.
pub(super) fn to_regex(glob: &str) -> Result<String, &'static str> {
    let mut parser = Parser {
        rest: glob.chars().peekable(),
        out: String::with_capacity(glob.len() + 16),
        open: vec![],
        at_folder: true,
    };
    // What starts or ends with any text need not be anchored there.
    let open_start = parser.skip_stars();
    parser.at_folder &= !open_start;
    if !open_start {
        parser.out.push_str(r"\A");
    }
    let open_end = parser.read()?;
    if !open_end {
        parser.out.push_str(r"\z");
    }
    Ok(parser.out)
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    /// For every open brace, whether it stands where the name of a folder starts.
    open: Vec<bool>,
    /// Whether the next character starts the name of a folder.
    at_folder: bool,
}

impl Parser<'_> {
    /// Reads to the end; whether the pattern ends with any text, which is left out.
    fn read(&mut self) -> Result<bool, &'static str> {
        while let Some(c) = self.rest.next() {
            let at_folder = std::mem::replace(&mut self.at_folder, c == '/');
            match c {
                '*' if at_folder && self.takes_folders() => self.at_folder = true,
                '*' => {
                    self.skip_stars();
                    if self.rest.peek().is_none() {
                        return self.end(true);
                    }
                    self.out.push_str(".*");
                }
                '?' => self.out.push('.'),
                '[' => self.class()?,
                '{' if self.open.len() == MAX_DEPTH => return Err("braces are nested too deep"),
                '{' => {
                    self.open.push(at_folder);
                    self.at_folder = at_folder;
                    self.out.push_str("(?:");
                }
                '}' => {
                    self.open
                        .pop()
                        .ok_or("a closing brace without an opening one")?;
                    self.out.push(')');
                }
                ',' => match self.open.last() {
                    Some(at_folder) => {
                        self.at_folder = *at_folder;
                        self.out.push('|');
                    }
                    None => self.literal(','),
                },
                '\\' => {
                    let escaped = self
                        .rest
                        .next()
                        .ok_or("nothing follows the last backslash")?;
                    self.at_folder = escaped == '/';
                    self.literal(escaped);
                }
                c => self.literal(c),
            }
        }
        self.end(false)
    }

    fn end(&self, open_end: bool) -> Result<bool, &'static str> {
        if self.open.is_empty() {
            Ok(open_end)
        } else {
            Err("an opening brace without a closing one")
        }
    }

    /// After a `*`, takes the rest of `**/`; whether it was there.
    fn takes_folders(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        let found = ahead.next() == Some('*') && ahead.next() == Some('/');
        if found {
            self.rest = ahead;
            self.out.push_str("(?:.*/)?");
        }
        found
    }

    /// Skips stars, but not those of `**/` where a folder starts; whether there were any.
    fn skip_stars(&mut self) -> bool {
        let mut found = false;
        if self.at_folder {
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('*') && ahead.next() == Some('*') && ahead.next() == Some('/') {
                return false;
            }
        }
        while self.rest.next_if_eq(&'*').is_some() {
            found = true;
        }
        found
    }

    fn literal(&mut self, c: char) {
        let mut buffer = [0; 4];
        let escaped = regex::escape(c.encode_utf8(&mut buffer));
        self.out.push_str(&escaped);
    }

    /// Reads a class after its opening bracket; a closing bracket that comes first is one of it.
    fn class(&mut self) -> Result<(), &'static str> {
        const OPEN: &str = "an opening bracket without a closing one";
        self.out.push('[');
        if self.rest.next_if(|c| matches!(c, '!' | '^')).is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let low = self.rest.next().ok_or(OPEN)?;
            if low == ']' && !first {
                self.out.push(']');
                return Ok(());
            }
            first = false;
            let mut ahead = self.rest.clone();
            let high = match (ahead.next(), ahead.next()) {
                (Some('-'), Some(high)) if high != ']' => {
                    self.rest = ahead;
                    high
                }
                _ => low,
            };
            if low > high {
                return Err("a range that ends before it starts");
            }
            let (low, high) = (u32::from(low), u32::from(high));
            let range = format!("\\x{{{low:x}}}-\\x{{{high:x}}}");
            self.out.push_str(&range);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_leave_out_what_every_text_has() {
        for (glob, regex) in [
            ("", r"\A\z"),
            ("*", r"\z"),
            ("a.b", r"\Aa\.b\z"),
            ("a*", r"\Aa"),
            ("*.rs", r"\.rs\z"),
            ("**a**", "a"),
            ("**/a", r"\A(?:.*/)?a\z"),
            ("a/**/b", r"\Aa/(?:.*/)?b\z"),
            ("a{b*,?}c", r"\Aa(?:b.*|.)c\z"),
            ("[!a-c]", r"\A[^\x{61}-\x{63}]\z"),
            (r"\*,", r"\A\*,\z"),
        ] {
            assert_eq!(to_regex(glob).as_deref(), Ok(regex), "{glob}");
        }
    }

    #[test]
    fn should_say_what_is_wrong() {
        let deep = "{".repeat(20);
        for (glob, fault) in [
            ("a[b", "an opening bracket without a closing one"),
            ("[]", "an opening bracket without a closing one"),
            ("[b-a]", "a range that ends before it starts"),
            ("{a", "an opening brace without a closing one"),
            ("{a*", "an opening brace without a closing one"),
            ("a}", "a closing brace without an opening one"),
            ("a\\", "nothing follows the last backslash"),
            (&deep, "braces are nested too deep"),
        ] {
            assert_eq!(to_regex(glob), Err(fault), "{glob}");
        }
    }
}
