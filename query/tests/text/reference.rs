//! [`Reference`]: BM25 and token filters text by text, by their definitions.

use super::glosses::Gloss;
use isobath_query::search::TokenRule;
use isobath_storage::model::FullText;
use std::collections::BTreeMap;

/// All texts, as words.
pub(crate) struct Reference {
    full_text: FullText,
    rows: Vec<(u64, Vec<String>)>,
}

/// Runs of letters and digits in lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

impl Reference {
    pub(crate) fn new(glosses: &[Gloss], full_text: FullText) -> Self {
        let row = |gloss: &Gloss| Some((gloss.id, words(gloss.text.as_deref()?)));
        Self {
            full_text,
            rows: glosses.iter().filter_map(row).collect(),
        }
    }

    /// The rows with a score by (score, id), highest score first.
    pub(crate) fn bm25(&self, query: &str) -> Vec<(u64, f64)> {
        let mut wanted: BTreeMap<String, f64> = BTreeMap::new();
        for word in words(query) {
            *wanted.entry(word).or_default() += 1.0;
        }
        let wanted: Vec<_> = wanted.into_iter().collect();
        let is = |word: &str, found: &str| word == found;
        self.ranked(&wanted, &is)
    }

    /// The same, where the last word stands for all that start with it.
    pub(crate) fn bm25_with_prefix(&self, query: &str, prefix: &str) -> Vec<(u64, f64)> {
        let mut list = words(query);
        list.pop();
        let mut wanted: Vec<_> = list.into_iter().map(|word| (word, 1.0)).collect();
        wanted.push((format!("{prefix}*"), 1.0));
        let is = |word: &str, found: &str| match word.strip_suffix('*') {
            Some(prefix) => found.starts_with(prefix),
            None => word == found,
        };
        self.ranked(&wanted, &is)
    }

    fn ranked(&self, wanted: &[(String, f64)], is: &dyn Fn(&str, &str) -> bool) -> Vec<(u64, f64)> {
        let FullText { k1, b, k3, .. } = self.full_text;
        let n = self.rows.len() as f64;
        let mean = self
            .rows
            .iter()
            .map(|(_, words)| words.len())
            .sum::<usize>() as f64
            / n;
        let mut scores: BTreeMap<u64, f64> = BTreeMap::new();
        for (word, qtf) in wanted {
            let count =
                |words: &[String]| words.iter().filter(|found| is(word, found)).count() as f64;
            let counts = self
                .rows
                .iter()
                .map(|(id, words)| (id, words.len() as f64, count(words)));
            let counts: Vec<_> = counts.filter(|(_, _, tf)| *tf > 0.0).collect();
            let df = counts.len() as f64;
            let idf = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
            for (id, length, tf) in counts {
                let saturated = tf * (k1 + 1.0) / (tf + k1 * (1.0 - b + b * length / mean));
                let score = idf * saturated * ((k3 + 1.0) * qtf / (k3 + qtf));
                *scores.entry(*id).or_default() += score;
            }
        }
        let mut ranked: Vec<_> = scores.into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked
    }

    /// The ids of the rows that hold words, rising.
    pub(crate) fn holding(&self, text: &str, rule: TokenRule) -> Vec<u64> {
        let wanted = words(text);
        let holds = |found: &[String]| match rule {
            TokenRule::All => wanted.iter().all(|word| found.contains(word)),
            TokenRule::Any => wanted.iter().any(|word| found.contains(word)),
            TokenRule::Sequence if wanted.is_empty() => true,
            TokenRule::Sequence => found.windows(wanted.len()).any(|window| window == wanted),
        };
        let rows = self.rows.iter().filter(|(_, words)| holds(words));
        rows.map(|(id, _)| *id).collect()
    }
}
