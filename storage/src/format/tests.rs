//! Tests of the metadata objects: goldens, damage, any bytes.

use super::samples::{log, name};
use super::{
    BuildClaim, BuiltFile, BuiltIndex, Checkpoint, FormatError, Manifest, NamespaceEntry,
    NamespaceMap, PartEntry, Pin, Position, RunEntry, dead,
};
use crate::fold::SchemaState;
use crate::model::{
    AttributeName, ContentHash, Control, Declaration, Epoch, Hlc, Metric, Seq, Stamp, Switch,
    VersionVector,
};
use proptest::prelude::*;
use serde_json::json;

fn golden(file: &str, bytes: &[u8]) -> Vec<u8> {
    let path = format!("{}/testdata/{file}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("ISOBATH_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    std::fs::read(path).unwrap()
}

fn schema() -> SchemaState {
    let stamp = |n: u64| Stamp {
        hlc: Hlc(n),
        log: log("use1", 0),
        seq: Seq(n),
        index: 3,
    };
    let declare = |attribute: AttributeName, ty: &str, metric| Declaration {
        attribute,
        ty: ty.parse().unwrap(),
        metric,
    };
    let mut schema = SchemaState::default();
    schema.control(stamp(1), &Control::Delete).unwrap();
    schema.declare(stamp(2), &declare(AttributeName::id(), "uint", None));
    let vector = declare(name("vector"), "[3]f16", Some(Metric::CosineDistance));
    schema.declare(stamp(2), &vector);
    schema.declare(stamp(5), &declare(name("vector"), "string", None));
    schema
        .control(
            stamp(6),
            &Control::DropAttribute {
                attribute: name("old"),
            },
        )
        .unwrap();
    let (attribute, switch) = (name("vector"), Switch::Ann);
    let control = Control::Switch {
        attribute,
        switch,
        value: json!(false),
    };
    schema.control(stamp(7), &control).unwrap();
    schema
        .control(
            stamp(8),
            &Control::Policy {
                policy: json!({"regions": ["use1"]}),
            },
        )
        .unwrap();
    schema
}

fn manifest() -> Manifest {
    let part = PartEntry {
        hash: ContentHash([7; 32]),
        rows: 1_000,
        bytes: 123_456,
        hlc_max: Hlc(u64::MAX - 1),
        dead: Some(ContentHash([9; 32])),
        dead_rows: 4,
        owner: None,
        stamp: None,
    };
    let clean = PartEntry {
        dead: None,
        dead_rows: 0,
        ..part.clone()
    };
    let adopted = PartEntry {
        owner: Some("papers".parse().unwrap()),
        ..part.clone()
    };
    let adopted = adopted.stamped(Stamp {
        hlc: Hlc(60),
        log: log("use1", 0),
        seq: Seq(70),
        index: 2,
    });
    Manifest {
        namespace: "books".parse().unwrap(),
        number: 12,
        seen: VersionVector::from_iter([(log("use1", 0), Seq(99)), (log("euw1", 2), Seq(1))]),
        hlc_cut: Hlc(u64::MAX - 1),
        last_write: Hlc(77),
        schema: schema(),
        parts: vec![part, clean, adopted],
    }
}

fn checkpoint() -> Checkpoint {
    let position = Position {
        seq: Seq(99),
        max_epoch: Epoch(3),
        chain: ContentHash([1; 32]),
        hlc: Hlc(55),
    };
    Checkpoint {
        number: 3,
        logs: [(log("use1", 0), position)].into(),
        hlc_cut: Hlc(55),
        created_at_ms: 1_700_000_000_000,
        maps: vec![ContentHash([2; 32])],
        runs: vec![RunEntry {
            hash: ContentHash([3; 32]),
            bytes: 4_096,
        }],
    }
}

#[test]
fn should_keep_manifests_of_version_1_as_they_were() {
    let bytes = manifest().encode().unwrap();
    let golden = golden("manifest_v1.json", &bytes);
    assert_eq!(Manifest::decode(&golden).unwrap(), manifest());
    assert_eq!(golden, bytes);
}

#[test]
fn should_keep_checkpoints_of_version_1_as_they_were() {
    let bytes = checkpoint().encode().unwrap();
    let golden = golden("checkpoint_v1.json", &bytes);
    assert_eq!(Checkpoint::decode(&golden).unwrap(), checkpoint());
    assert_eq!(golden, bytes);
}

#[test]
fn should_keep_maps_of_version_1_as_they_were() {
    let entry = |manifest, created: Option<u64>| NamespaceEntry {
        manifest,
        seen: VersionVector::from_iter([(log("use1", 0), Seq(manifest))]),
        created: created.map(Hlc),
    };
    let map = NamespaceMap {
        checkpoint: 3,
        namespaces: [
            ("books".parse().unwrap(), entry(12, Some(44))),
            ("gone".parse().unwrap(), entry(2, None)),
        ]
        .into(),
    };
    let bytes = map.encode().unwrap();
    let golden = golden("map_v1.json", &bytes);
    assert_eq!(NamespaceMap::decode(&golden).unwrap(), map);
    assert_eq!(golden, bytes);
}

#[test]
fn should_keep_pins_of_version_1_as_they_were() {
    let pin = Pin {
        checkpoint: 3,
        name: Some("before the move".to_owned()),
        created_at_ms: 1_700_000_000_000,
        expires_at_ms: None,
    };
    let bytes = pin.encode().unwrap();
    let golden = golden("pin_v1.json", &bytes);
    assert_eq!(Pin::decode(&golden).unwrap(), pin);
    assert_eq!(golden, bytes);
}

#[test]
fn should_keep_indexes_of_version_1_as_they_were() {
    let index = BuiltIndex {
        part: ContentHash::of(b"part"),
        of: "vector 0".to_owned(),
        files: vec![BuiltFile {
            hash: ContentHash::of(b"codes"),
            bytes: 5,
        }],
        about: json!({"bits": 2}),
    };
    let bytes = index.encode().unwrap();
    let golden = golden("index_v1.json", &bytes);
    assert_eq!(BuiltIndex::decode(&golden).unwrap(), index);
    assert_eq!(golden, bytes);
}

#[test]
fn should_keep_claims_of_builds_of_version_1_as_they_were() {
    let claim = BuildClaim {
        node: uuid::Uuid::from_u128(7),
        expires_at_ms: 1_700_000_000_000,
    };
    let bytes = claim.encode().unwrap();
    let golden = golden("build_claim_v1.json", &bytes);
    assert_eq!(BuildClaim::decode(&golden).unwrap(), claim);
    assert_eq!(golden, bytes);
}

#[test]
fn should_detect_every_truncation_and_flipped_bit() {
    let bytes = manifest().encode().unwrap().to_vec();
    for at in 0..bytes.len() {
        assert!(Manifest::decode(&bytes[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut copy = bytes.clone();
            copy[at] ^= 1 << bit;
            assert!(Manifest::decode(&copy).is_err(), "byte {at} bit {bit}");
        }
    }
}

#[test]
fn should_refuse_a_newer_version_before_it_looks_at_the_body() {
    let newer = br#"{"format":2,"crc":"of another kind","body":[]}"#;
    let error = Manifest::decode(newer).unwrap_err();
    assert!(
        matches!(
            error,
            FormatError::Unsupported {
                found: 2,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn should_never_panic_on_any_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        prop_assert!(Manifest::decode(&bytes).is_err());
        prop_assert!(Checkpoint::decode(&bytes).is_err());
        prop_assert!(dead::decode(&bytes).is_err());
        let mut copy = checkpoint().encode().unwrap().to_vec();
        for (at, value) in flips {
            let at = at % copy.len();
            copy[at] = value;
        }
        if let Ok(read) = Checkpoint::decode(&copy) {
            prop_assert_eq!(read, checkpoint());
        }
    }
}
