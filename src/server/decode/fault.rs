//! [`Fault`]: what is wrong with a request, and where in it.

use std::fmt;

/// The kind of a [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The JSON is not of the shape that the request needs.
    Unfit,
    /// A value breaks a rule, contradicts another, or asks for what is not there yet.
    Invalid,
    /// More data than a request may hold.
    TooLarge,
    /// A token that is none.
    Stale,
    /// Nothing is wrong with it, but there is no room for it now.
    Overloaded,
}

/// What is wrong with a request, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// The way to the value: `upsert_rows[3].vector`. Empty for the whole body.
    path: String,
    text: String,
}

impl Fault {
    fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            path: String::new(),
            text: text.into(),
        }
    }

    /// The JSON is not of the needed shape.
    pub(crate) fn unfit(text: impl Into<String>) -> Self {
        Self::new(FaultKind::Unfit, text)
    }

    /// A value breaks a rule.
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(FaultKind::Invalid, text)
    }

    /// A feature of the API that does not exist yet.
    pub(crate) fn not_yet(feature: &str) -> Self {
        Self::invalid(format!("{feature} is not supported yet"))
    }

    /// More data than a request may hold.
    pub(crate) fn too_large(text: impl Into<String>) -> Self {
        Self::new(FaultKind::TooLarge, text)
    }

    /// A token that is none.
    pub(crate) fn stale(text: impl Into<String>) -> Self {
        Self::new(FaultKind::Stale, text)
    }

    /// There is no room for the request now.
    pub(crate) fn overloaded(text: impl Into<String>) -> Self {
        Self::new(FaultKind::Overloaded, text)
    }

    /// The fault of reading `json`: text that is no JSON breaks a rule, other JSON than needed does
    /// not fit.
    pub(crate) fn of_json(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // Lines and columns count from the start of a fragment, which the caller has never seen.
        let place = format!(" at line {} column {}", error.line(), error.column());
        let text = text.strip_suffix(&place).unwrap_or(&text);
        if error.is_data() {
            Self::unfit(text)
        } else {
            Self::invalid(format!("malformed JSON: {text}"))
        }
    }

    /// The same fault as one of a value, not of the JSON's shape.
    #[must_use]
    pub(crate) fn of_value(self) -> Self {
        let unfit = self.kind == FaultKind::Unfit;
        let kind = if unfit { FaultKind::Invalid } else { self.kind };
        Self { kind, ..self }
    }

    /// The same fault, found below `step`: a member's name or an index in brackets.
    #[must_use]
    pub(crate) fn under(mut self, step: &str) -> Self {
        let dot = !self.path.is_empty() && !self.path.starts_with('[') && !step.is_empty();
        let dot = if dot { "." } else { "" };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }

    /// The same fault, found in the element with index `index`.
    #[must_use]
    pub(crate) fn at(self, index: usize) -> Self {
        self.under(&format!("[{index}]"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_name_the_way_to_the_value() {
        let fault = Fault::invalid("too short").under("vector").at(3);
        assert_eq!(
            fault.under("upsert_rows").to_string(),
            "upsert_rows[3].vector: too short"
        );
    }

    #[test]
    fn should_tell_json_that_does_not_fit_from_text_that_is_none() {
        let unfit = serde_json::from_str::<u8>("\"a\"").unwrap_err();
        let fault = Fault::of_json(&unfit);
        assert_eq!(fault.kind, FaultKind::Unfit);
        assert_eq!(fault.to_string(), "invalid type: string \"a\", expected u8");
        let none = serde_json::from_str::<u8>("}").unwrap_err();
        assert_eq!(Fault::of_json(&none).kind, FaultKind::Invalid);
    }
}
