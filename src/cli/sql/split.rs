//! Where statements end in a text.

/// The statements of a text that a semicolon ends, without it; and what follows the last one.
pub(super) fn statements(text: &str) -> (Vec<String>, String) {
    let mut found = vec![];
    let mut current = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ';' => {
                let statement = std::mem::take(&mut current);
                if !is_blank(&statement) {
                    found.push(statement.trim().to_owned());
                }
            }
            '\'' | '"' => {
                current.push(c);
                for inner in rest.by_ref() {
                    current.push(inner);
                    if inner == c {
                        break;
                    }
                }
            }
            '-' if rest.peek() == Some(&'-') => {
                // up to the end of the line, which separates words
                while rest.peek().is_some_and(|next| *next != '\n') {
                    rest.next();
                }
            }
            '/' if rest.peek() == Some(&'*') => {
                current.push(c);
                let mut last = ' ';
                for inner in rest.by_ref() {
                    current.push(inner);
                    if last == '*' && inner == '/' {
                        break;
                    }
                    last = inner;
                }
            }
            c => current.push(c),
        }
    }
    (found, current)
}

/// Whether nothing is in a text.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_find_ends_outside_of_quotes_and_comments() {
        let text = "SELECT ';', \"a;b\" -- c;\n, 'it''s;' /* ; */; ; SET x = 1;\nSELECT";
        let (found, rest) = statements(text);
        assert_eq!(
            found,
            ["SELECT ';', \"a;b\" \n, 'it''s;' /* ; */", "SET x = 1"]
        );
        assert_eq!(rest, "\nSELECT");
        assert!(statements("SELECT 'open;").0.is_empty());
    }
}
