//! The texts of the sample data as views, and searches of them.

use isobath_query::{
    index::Scratch,
    search::{Answer, FilterCache, Include, Query, RankBy, Score, SearchContext, run},
    view::{Origin, RowSet, Version, View},
};
use isobath_storage::model::{
    AttributeConfig, AttributeName, Column, FullText, Hlc, Id, IdColumn, IdKind, LogId, Rows,
    Schema, Seq, ShardId, Stamp, StampColumn, Switch, Value, VersionVector,
};
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::Field,
};
use std::{fs, sync::Arc};

/// A row: some have no text.
#[derive(Debug, Clone)]
pub(crate) struct Gloss {
    pub(crate) id: u64,
    pub(crate) text: Option<String>,
}

pub(crate) fn name(name: &str) -> AttributeName {
    name.parse().unwrap()
}

/// The 2,000 texts by id; every hundredth row has none.
pub(crate) fn glosses() -> Vec<Gloss> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/wordnet/slice2k.parquet"
    );
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    let text = |row: &parquet::record::Row| {
        let found = row.get_column_iter().find(|(column, _)| *column == "text");
        match found.unwrap().1 {
            Field::Str(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    let gloss = |(id, row): (u64, Result<parquet::record::Row, _>)| Gloss {
        id,
        text: (id % 100 != 50).then(|| text(&row.unwrap())),
    };
    (0..).zip(rows).map(gloss).collect()
}

fn row_set(origin: Origin, glosses: &[Gloss]) -> Arc<RowSet> {
    let ids: Vec<Id> = glosses.iter().map(|gloss| Id::U64(gloss.id)).collect();
    let value = |gloss: &Gloss| {
        let text = gloss.text.as_deref();
        text.map_or(Value::Null, |text| Value::String(text.into()))
    };
    let values: Vec<Value> = glosses.iter().map(value).collect();
    let column = Column::from_values(name("text"), "string".parse().unwrap(), &values).unwrap();
    let ids = IdColumn::from_ids(IdKind::Uint, &ids).unwrap();
    let rows = Rows::new(ids, vec![column]).unwrap();
    let stamp = Stamp {
        hlc: Hlc::default(),
        log: LogId::new("here".parse().unwrap(), ShardId::default()),
        seq: Seq::default(),
        index: 0,
    };
    let stamps = StampColumn::from_stamps(&vec![stamp; rows.len()]).unwrap();
    Arc::new(RowSet::new(origin, Arc::new(rows), stamps))
}

/// A view of row sets.
pub(crate) fn view(sets: Vec<(Origin, &[Gloss])>, full_text: FullText) -> View {
    let config = AttributeConfig {
        ty: "string".parse().unwrap(),
        metric: None,
        switches: [(Switch::FullTextSearch, serde_json::json!(full_text))].into(),
    };
    let sets = sets
        .into_iter()
        .map(|(origin, glosses)| row_set(origin, glosses));
    View {
        namespace: "wordnet".parse().unwrap(),
        version: Version(1),
        schema: Arc::new(Schema {
            id_kind: Some(IdKind::Uint),
            attributes: [(name("text"), config)].into(),
        }),
        sets: sets.collect(),
        seen: VersionVector::default(),
        policy: Arc::default(),
        created: Some(Hlc::default()),
        last_write: Hlc::default(),
    }
}

pub(crate) fn search(
    view: &View,
    score: Score,
    filter: Option<isobath_query::search::Filter>,
    limit: usize,
) -> Answer {
    let query = Query {
        rank_by: RankBy::Score(score),
        filter,
        limit,
        offset: 0,
        include: Include::Nothing,
        per: None,
        aggregates: vec![],
        group_by: None,
        recall_target: None,
    };
    let mut context = SearchContext {
        filters: &FilterCache::new(1 << 20),
        scratch: &mut Scratch::default(),
        deadline: None,
        answer_bytes: usize::MAX,
    };
    run(view, &query, &mut context).unwrap()
}

/// Ids and scores in the order of the answer.
pub(crate) fn sequence(answer: &Answer) -> Vec<(u64, f64)> {
    let hits = answer.rows.iter();
    let hit = |hit: &isobath_query::search::Hit| match hit.id {
        Id::U64(id) => (id, f64::from(hit.distance.unwrap())),
        _ => panic!(),
    };
    hits.map(hit).collect()
}

/// The ids of all rows that have a score, rising.
pub(crate) fn score(view: &View, score: Score) -> Vec<u64> {
    let mut ids: Vec<u64> = sequence(&search(view, score, None, 10_000))
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    ids.sort_unstable();
    ids
}
