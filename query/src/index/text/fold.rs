//! Letters without their marks.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Letters that are no plain letter with a mark, with what stands for them.
const SPECIAL: [(char, &str); 26] = [
    ('ß', "ss"),
    ('ẞ', "SS"),
    ('æ', "ae"),
    ('Æ', "AE"),
    ('œ', "oe"),
    ('Œ', "OE"),
    ('ø', "o"),
    ('Ø', "O"),
    ('đ', "d"),
    ('Đ', "D"),
    ('ð', "d"),
    ('Ð', "D"),
    ('þ', "th"),
    ('Þ', "TH"),
    ('ł', "l"),
    ('Ł', "L"),
    ('ħ', "h"),
    ('Ħ', "H"),
    ('ŧ', "t"),
    ('Ŧ', "T"),
    ('ı', "i"),
    ('ĸ', "k"),
    ('ŋ', "n"),
    ('Ŋ', "N"),
    ('ƒ', "f"),
    ('ſ', "s"),
];

/// `token` with each letter that has a counterpart in ASCII replaced by it.
pub(super) fn to_ascii(token: &str) -> String {
    let mut folded = String::with_capacity(token.len());
    for c in token.chars() {
        match ascii(c) {
            Some(text) => folded.push_str(&text),
            None if is_mark(c) => {}
            None => folded.push(c),
        }
    }
    folded
}

/// What stands for `c` in ASCII.
fn ascii(c: char) -> Option<String> {
    if c.is_ascii() {
        return Some(c.into());
    }
    if let Some((_, text)) = SPECIAL.iter().find(|(special, _)| *special == c) {
        return Some((*text).to_owned());
    }
    let mut buffer = [0; 4];
    let apart = DecomposingNormalizerBorrowed::new_nfkd().normalize(c.encode_utf8(&mut buffer));
    let plain: String = apart.chars().filter(|c| !is_mark(*c)).collect();
    (!plain.is_empty() && plain.is_ascii()).then_some(plain)
}

/// Whether `c` is a mark of Latin letters that stands apart from its letter.
fn is_mark(c: char) -> bool {
    ('\u{0300}'..='\u{036F}').contains(&c)
}
