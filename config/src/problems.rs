//! [`Problem`]: one thing that is wrong with the settings.

use std::{fmt, time::Duration};

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as `section.key`.
    pub key: String,
    /// Its value's fault.
    pub fault: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.fault)
    }
}

/// Collects the problems of one section.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    section: &'static str,
    found: &'a mut Vec<Problem>,
}

impl<'a> Problems<'a> {
    /// Collects into `found` what is wrong with `section`; the top level is the empty section.
    pub(crate) fn new(section: &'static str, found: &'a mut Vec<Problem>) -> Self {
        Self { section, found }
    }

    /// Notes `fault` unless `holds`.
    pub(crate) fn need(&mut self, holds: bool, key: &str, fault: impl FnOnce() -> String) {
        if !holds {
            let dot = if self.section.is_empty() { "" } else { "." };
            self.found.push(Problem {
                key: format!("{}{dot}{key}", self.section),
                fault: fault(),
            });
        }
    }

    /// Notes a number outside of `low..=high`.
    pub(crate) fn range<T>(&mut self, key: &str, value: T, low: T, high: T)
    where
        T: PartialOrd + fmt::Display + Copy,
    {
        let holds = value >= low && value <= high;
        self.need(holds, key, || {
            format!("{value} is not within {low} to {high}")
        });
    }

    /// Notes a time outside of `low..=high`.
    pub(crate) fn time(&mut self, key: &str, value: Duration, low: Duration, high: Duration) {
        let show = humantime::format_duration;
        self.need(value >= low && value <= high, key, || {
            let (value, low, high) = (show(value), show(low), show(high));
            format!("{value} is not within {low} to {high}")
        });
    }
}
