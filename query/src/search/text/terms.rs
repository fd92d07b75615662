//! [`Terms`]: the terms of a text that is looked for.

use crate::{
    index::text::{Analyzer, Postings, TextIndex, TextSlot},
    search::{Deadline, SearchError, TextInput, TextMatch},
    view::RowSet,
};
use isobath_storage::model::{AttributeName, AttributeType, FullText, Schema, Tokenizer};
use std::{collections::HashMap, sync::Arc};

/// The terms of a text that is looked for in an attribute.
///
/// Its `Debug` text says all that it depends on.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::search) struct Terms {
    pub(super) attribute: AttributeName,
    pub(super) ty: AttributeType,
    pub(super) full_text: FullText,
    /// In the order in which they were given.
    pub(super) list: Vec<String>,
    /// The last token where it is a prefix: its term, unless it is a stop word, and what terms start with.
    pub(super) last: Option<(Option<String>, String)>,
}

/// Why a text cannot be looked for.
#[derive(Debug)]
pub(super) enum Misfit {
    /// The schema does not have the attribute.
    Unknown,
    /// The schema says nothing of full-text search.
    Off,
    /// The text must be given as an array.
    NoArray,
}

/// One term to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// The term, unless nothing is left of it.
    pub(super) term: Option<&'a str>,
    /// What else may be there in its place.
    pub(super) prefix: Option<&'a str>,
    /// How often the query names it.
    pub(super) count: u32,
}

impl Wanted<'_> {
    /// The rows of an index that hold it.
    pub(super) fn postings<'i>(&self, index: &'i TextIndex) -> Postings<'i> {
        match (self.prefix, self.term) {
            (Some(prefix), term) => index.postings_from(prefix, term),
            (None, Some(term)) => index.postings(term),
            (None, None) => Postings::default(),
        }
    }
}

impl Terms {
    /// Analyses what is looked for like what is there.
    pub(super) fn bind(wanted: &TextMatch, schema: &Schema) -> Result<Self, Misfit> {
        let config = schema.get(wanted.attribute.as_str());
        let config = config.ok_or(Misfit::Unknown)?;
        let full_text = config.full_text().ok_or(Misfit::Off)?;
        let texts: Vec<&str> = match &wanted.input {
            TextInput::Tokens(tokens) => tokens.iter().map(String::as_str).collect(),
            TextInput::Text(_) if full_text.tokenizer == Tokenizer::PreTokenizedArray => {
                return Err(Misfit::NoArray);
            }
            TextInput::Text(text) => vec![text],
        };
        let analyzer = Analyzer::new(full_text.analysis());
        let mut tokens = vec![];
        for text in &texts {
            analyzer.terms(text, |term| tokens.push(term.map(str::to_owned)));
        }
        let prefix = if wanted.last_as_prefix {
            texts.iter().rev().find_map(|text| analyzer.prefix(text))
        } else {
            None
        };
        let last = prefix.map(|prefix| (tokens.pop().flatten(), prefix));
        Ok(Self {
            attribute: wanted.attribute.clone(),
            ty: config.ty,
            full_text,
            list: tokens.into_iter().flatten().collect(),
            last,
        })
    }

    /// Each term once, in the order of its first use.
    pub(super) fn wanted(&self) -> Vec<Wanted<'_>> {
        let mut wanted: Vec<Wanted<'_>> = vec![];
        let mut at: HashMap<&str, usize> = HashMap::new();
        for term in &self.list {
            let known = *at.entry(term).or_insert(wanted.len());
            match wanted.get_mut(known) {
                Some(known) => known.count += 1,
                None => wanted.push(Wanted {
                    term: Some(term),
                    prefix: None,
                    count: 1,
                }),
            }
        }
        let last = self.last.iter().map(|(term, prefix)| Wanted {
            term: term.as_deref(),
            prefix: Some(prefix),
            count: 1,
        });
        wanted.extend(last);
        wanted
    }

    /// The index that they are looked up in; `None` where no row has a text.
    pub(super) fn index(
        &self,
        set: &RowSet,
        deadline: Option<&Deadline>,
    ) -> Result<Option<Arc<TextIndex>>, SearchError> {
        let expired = || deadline.is_some_and(Deadline::has_passed);
        let analysis = self.full_text.analysis();
        Ok(TextSlot::index(
            set,
            &self.attribute,
            self.ty,
            analysis,
            &expired,
        )?)
    }
}

/// A text in an error's words, cut to a readable length.
pub(super) fn describe(input: &TextInput) -> String {
    match input {
        TextInput::Text(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
        TextInput::Tokens(tokens) => format!("array of {} strings", tokens.len()),
    }
}
