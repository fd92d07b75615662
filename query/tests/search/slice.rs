//! The 2,000 rows of the sample data as views, and their exact answers.

use isobath_query::{
    search::{Answer, Comparison, Filter, Include, Query, RankBy},
    view::{Origin, RowSet, Version, View},
};
use isobath_storage::model::{
    AttributeConfig, AttributeName, AttributeType, Column, Hlc, Id, IdColumn, IdKind, LogId,
    Metric, Rows, Schema, Seq, ShardId, Stamp, StampColumn, Value, VectorValue, VersionVector,
};
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::{Field, Row},
};
use std::{fs, path::PathBuf, sync::Arc};

const TYPES: [(&str, &str); 4] = [
    ("domain", "string"),
    ("n_lemmas", "int"),
    ("pos", "string"),
    ("vector", "[384]f32"),
];

pub(crate) const DIM: usize = 384;

pub(crate) fn name(name: &str) -> AttributeName {
    name.parse().unwrap()
}

fn path(file: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/wordnet");
    PathBuf::from(folder).join(file)
}

/// The rows by id, values in the order of [`TYPES`].
pub(crate) fn rows() -> Vec<(u64, [Value; 4])> {
    let file = fs::File::open(path("slice2k.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| parse(&row.unwrap())).collect()
}

fn parse(row: &Row) -> (u64, [Value; 4]) {
    let get = |name: &str| {
        let found = row.get_column_iter().find(|(column, _)| *column == name);
        found.unwrap().1.clone()
    };
    let text = |name| match get(name) {
        Field::Str(text) => Value::String(text.into()),
        other => panic!("{name} is {other:?}"),
    };
    let number = |name| match get(name) {
        Field::ULong(n) => i64::try_from(n).unwrap(),
        Field::Long(n) => n,
        Field::Int(n) => n.into(),
        other => panic!("{name} is {other:?}"),
    };
    let Field::ListInternal(list) = get("vector") else {
        panic!("no vector");
    };
    let element = |field: &Field| match field {
        Field::Float(x) => *x,
        Field::Float16(x) => x.to_f32(),
        other => panic!("an element is {other:?}"),
    };
    let vector: Vec<f32> = list.elements().iter().map(element).collect();
    let values = [
        text("domain"),
        Value::Int(number("n_lemmas")),
        text("pos"),
        Value::Vector(VectorValue::F32(vector.into())),
    ];
    (u64::try_from(number("id")).unwrap(), values)
}

/// A row set of some rows.
pub(crate) fn row_set(origin: Origin, rows: &[(u64, [Value; 4])]) -> Arc<RowSet> {
    let ids: Vec<Id> = rows.iter().map(|(id, _)| Id::U64(*id)).collect();
    let column = |(at, (attribute, ty)): (usize, &(&str, &str))| {
        let values: Vec<Value> = rows.iter().map(|(_, values)| values[at].clone()).collect();
        Column::from_values(name(attribute), ty.parse().unwrap(), &values).unwrap()
    };
    let columns = TYPES.iter().enumerate().map(column).collect();
    let ids = IdColumn::from_ids(IdKind::Uint, &ids).unwrap();
    let rows = Rows::new(ids, columns).unwrap();
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
pub(crate) fn view(sets: &[Arc<RowSet>]) -> View {
    let config = |(attribute, ty): (&str, &str)| {
        let ty: AttributeType = ty.parse().unwrap();
        let config = AttributeConfig {
            ty,
            metric: ty.is_vector().then_some(Metric::CosineDistance),
            switches: [].into(),
        };
        (name(attribute), config)
    };
    View {
        namespace: "wordnet".parse().unwrap(),
        version: Version(1),
        schema: Arc::new(Schema {
            id_kind: Some(IdKind::Uint),
            attributes: TYPES.into_iter().map(config).collect(),
        }),
        sets: sets.into(),
        seen: VersionVector::default(),
        policy: Arc::default(),
        created: Some(Hlc::default()),
        last_write: Hlc::default(),
    }
}

pub(crate) fn part(hash: &str) -> Origin {
    Origin::Part(hash.into())
}

/// The 200 query vectors.
pub(crate) fn queries() -> Vec<Vec<f32>> {
    let bytes = fs::read(path("slice2k_query.fbin")).unwrap();
    let floats: Vec<f32> = words(&bytes[8..]).map(f32::from_le_bytes).collect();
    floats.chunks(DIM).map(<[f32]>::to_vec).collect()
}

/// The ids of the `k` nearest rows to each query.
pub(crate) fn truth(file: &str, k: usize) -> Vec<Vec<u64>> {
    let bytes = fs::read(path(file)).unwrap();
    let numbers: Vec<u32> = words(&bytes).map(u32::from_le_bytes).collect();
    let (queries, each) = (numbers[0] as usize, numbers[1] as usize);
    let ids = numbers[2..][..queries * each].chunks(each);
    let ids = ids.map(|ids| ids.iter().take(k).copied().map(u64::from).collect());
    ids.collect()
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> + '_ {
    bytes.as_chunks::<4>().0.iter().copied()
}

/// The filters that there is ground truth for, with its files.
pub(crate) fn filters() -> [(&'static str, Option<Filter>); 4] {
    let compare = |attribute, comparison, value| {
        Some(Filter::Compare {
            attribute: name(attribute),
            comparison,
            value,
        })
    };
    let text = |text: &str| Value::String(text.into());
    [
        ("slice2k_gt_query.ibin", None),
        (
            "slice2k_gt_query_pos_v.ibin",
            compare("pos", Comparison::Eq, text("v")),
        ),
        (
            "slice2k_gt_query_domain_1pct.ibin",
            compare("domain", Comparison::Eq, text("verb.social")),
        ),
        (
            "slice2k_gt_query_lemmas_ge3.ibin",
            compare("n_lemmas", Comparison::Gte, Value::Int(3)),
        ),
    ]
}

pub(crate) fn nearest(vector: Vec<f32>, filter: Option<Filter>) -> Query {
    Query {
        rank_by: RankBy::Ann {
            attribute: name("vector"),
            vector,
        },
        filter,
        limit: 10,
        offset: 0,
        include: Include::Nothing,
        per: None,
        aggregates: vec![],
        group_by: None,
        recall_target: None,
    }
}

/// How many of `truth` an answer holds.
pub(crate) fn found(answer: &Answer, truth: &[u64]) -> usize {
    let hit = |id: &&u64| answer.rows.iter().any(|row| row.id == Id::U64(**id));
    truth.iter().filter(hit).count()
}
