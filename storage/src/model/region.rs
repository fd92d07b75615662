//! [`Region`]: the name of a deployment site.

use super::InvalidName;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The longest region name in bytes.
const MAX: usize = 32;

/// A deployment site with one bucket: 1 to 32 characters of `[a-z0-9-]`, no dash at either end.
///
/// Held inline and zero-padded, so that it copies freely and orders like its text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region([u8; MAX]);

impl Region {
    /// The name.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(MAX);
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl FromStr for Region {
    type Err = InvalidName;

    fn from_str(s: &str) -> Result<Self, InvalidName> {
        let rule = "1 to 32 characters of a-z, 0-9 and '-', not starting or ending with '-'";
        let fits = (1..=MAX).contains(&s.len())
            && s.bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !s.starts_with('-')
            && !s.ends_with('-');
        if !fits {
            return Err(InvalidName::new("region", s, rule));
        }
        let mut name = [0; MAX];
        name[..s.len()].copy_from_slice(s.as_bytes());
        Ok(Self(name))
    }
}

impl TryFrom<String> for Region {
    type Error = InvalidName;

    fn try_from(s: String) -> Result<Self, InvalidName> {
        s.parse()
    }
}

impl From<Region> for String {
    fn from(r: Region) -> Self {
        r.as_str().to_owned()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_keep_the_text_and_its_order() {
        let a: Region = "aws-eu-central-1".parse().unwrap();
        let b: Region = "aws-eu-central-10".parse().unwrap();
        assert_eq!(a.to_string(), "aws-eu-central-1");
        assert!(a < b);
    }

    #[test]
    fn should_refuse_names_that_are_no_path_segment() {
        for bad in ["", "A", "-a", "a-", "a/b", "..", "é", &"a".repeat(33)] {
            assert!(bad.parse::<Region>().is_err(), "{bad:?}");
        }
    }
}
