//! [`members`]: where the members of a JSON object stand, found without understanding them.

/// What is yet to be read.
pub(super) type Rest<'a> = &'a [u8];

/// The members of the object that `json` is, in order and each with its name, but for those that `take`
/// takes: it gets a member's name, without quotes, and what starts with its value, and gives what
/// follows the value if that is one of its own.
///
/// Says nothing about whether the members are JSON; but if all of them are, so is `json`. `None` where
/// it is no object, or names hold escapes.
pub(super) fn members<'a>(
    json: &'a [u8],
    mut take: impl FnMut(&'a [u8], Rest<'a>) -> Option<Rest<'a>>,
) -> Option<Vec<&'a [u8]>> {
    let mut rest = skip_space(skip_space(json).strip_prefix(b"{")?);
    let mut members = Vec::with_capacity(8);
    loop {
        let start = rest;
        let (name, after) = read_plain(rest)?;
        let value = skip_space(skip_space(after).strip_prefix(b":")?);
        let after = if let Some(after) = take(name, value) {
            after
        } else {
            let after = skip_value(value)?;
            members.push(start.get(..start.len() - after.len())?);
            after
        };
        rest = skip_space(after);
        match rest.split_first()? {
            (b',', after) => rest = skip_space(after),
            (b'}', after) if skip_space(after).is_empty() => return Some(members),
            _ => return None,
        }
    }
}

/// The string without escapes at the start of `json`, without its quotes, and what follows it.
pub(super) fn read_plain(json: Rest<'_>) -> Option<(&[u8], Rest<'_>)> {
    let inside = json.strip_prefix(b"\"")?;
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\');
    let (text, after) = inside.split_at_checked(inside.iter().position(ends)?)?;
    Some((text, after.strip_prefix(b"\"")?))
}

/// What follows the spaces at the start of `json`.
#[inline]
pub(super) fn skip_space(mut json: Rest<'_>) -> Rest<'_> {
    while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = json {
        json = rest;
    }
    json
}

/// What follows the value at the start of `json`.
fn skip_value(json: Rest<'_>) -> Option<Rest<'_>> {
    match json.first()? {
        b'"' => skip_string(json),
        b'[' | b'{' => skip_nested(json),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b'"' | b'[' | b'{');
            json.get(json.iter().position(ends)?..)
        }
    }
}

/// What follows the string at the start of `json`.
fn skip_string(json: Rest<'_>) -> Option<Rest<'_>> {
    let mut rest = json.strip_prefix(b"\"")?;
    loop {
        let at = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        if rest.get(at) == Some(&b'"') {
            return rest.get(at + 1..);
        }
        rest = rest.get(at + 2..)?;
    }
}

/// What follows the array or object at the start of `json`.
fn skip_nested(json: Rest<'_>) -> Option<Rest<'_>> {
    let (mut rest, mut depth) = (json, 0_usize);
    loop {
        let counts = |byte: &u8| matches!(byte, b'"' | b'[' | b'{' | b']' | b'}');
        rest = rest.get(rest.iter().position(counts)?..)?;
        if let Some(b'"') = rest.first() {
            rest = skip_string(rest)?;
            continue;
        }
        let (bracket, after) = rest.split_first()?;
        rest = after;
        depth = if matches!(bracket, b'[' | b'{') {
            depth + 1
        } else {
            depth - 1
        };
        if depth == 0 {
            return Some(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Vec<&str>> {
        let members = members(json.as_bytes(), |name, value| {
            (name == b"taken").then(|| value.get(1..))?
        });
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        Some(members?.into_iter().map(text).collect())
    }

    #[test]
    fn should_find_members() {
        let json =
            r#" { "a" : [1,{"x":"]\"}"}] ,"taken":7,"b":"\\","c":-1.5e3,"d":{"e":[[]]},"":null} "#;
        let expected = [
            r#""a" : [1,{"x":"]\"}"}]"#,
            r#""b":"\\""#,
            r#""c":-1.5e3"#,
            r#""d":{"e":[[]]}"#,
            r#""":null"#,
        ];
        assert_eq!(read(json).unwrap(), expected);
    }

    #[test]
    fn should_not_run_off_the_end() {
        for json in [
            "",
            "{",
            "{}",
            "[]",
            r#"{"a"#,
            r#"{"a""#,
            r#"{"a":"#,
            r#"{"a":1"#,
            r#"{"a":1,"#,
            r#"{"a":1,}"#,
            r#"{"a":[}"#,
            r#"{"a":"\"#,
            r#"{"a":"\""#,
            r#"{"a":1}x"#,
            r#"{"a\"":1}"#,
            r#"{"a":]}"#,
            r#"{"a" 1}"#,
            r#"{"a":1 "b":2}"#,
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
