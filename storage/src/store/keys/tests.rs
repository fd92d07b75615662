//! Keys read back what they write, and nothing else.

use super::*;
use crate::model::{ContentHash, Epoch, LogId, Namespace, Region, Seq, ShardId};
use proptest::prelude::*;
use uuid::Uuid;

fn region() -> impl Strategy<Value = Region> {
    "[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?".prop_map(|s| s.parse().unwrap())
}

fn log() -> impl Strategy<Value = LogId> {
    (region(), any::<u16>()).prop_map(|(region, shard)| LogId::new(region, ShardId(shard)))
}

fn namespace() -> impl Strategy<Value = Namespace> {
    let names = prop_oneof!["[A-Za-z0-9_.-]{1,40}", Just(".".into()), Just("..".into())];
    prop_oneof![names, Just("run".into()), Just("map".into())].prop_map(|s| s.parse().unwrap())
}

fn hash() -> impl Strategy<Value = ContentHash> {
    any::<[u8; 32]>().prop_map(ContentHash)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn log_key() -> impl Strategy<Value = AnyKey> {
    prop_oneof![
        (log(), any::<u64>()).prop_map(|(log, n)| AnyKey::Segment(SegmentKey { log, seq: Seq(n) })),
        (log(), any::<u64>()).prop_map(|(log, n)| AnyKey::Claim(ClaimKey {
            log,
            epoch: Epoch(n)
        })),
        (log(), any::<u64>()).prop_map(|(log, k)| AnyKey::Floor(FloorKey { log, k })),
    ]
}

fn catalog_key() -> impl Strategy<Value = AnyKey> {
    prop_oneof![
        Just(AnyKey::Marker(MarkerKey)),
        any::<u64>().prop_map(|n| AnyKey::Cluster(ClusterKey(n))),
        (namespace(), any::<u64>())
            .prop_map(|(namespace, version)| AnyKey::Manifest(ManifestKey { namespace, version })),
        any::<u64>().prop_map(|k| AnyKey::Checkpoint(CheckpointKey(k))),
        any::<u64>().prop_map(|k| AnyKey::Ack(AckKey(k))),
        uuid().prop_map(|id| AnyKey::Pin(PinKey(id))),
        (uuid(), any::<u64>()).prop_map(|(run, n)| AnyKey::Probe(ProbeKey { run, n })),
        (region(), any::<u64>(), uuid(), any::<u64>()).prop_map(|(region, at_ms, node, n)| {
            AnyKey::Audit(AuditKey {
                region,
                at_ms,
                node,
                n,
            })
        }),
    ]
}

fn data_key() -> impl Strategy<Value = AnyKey> {
    let file = prop_oneof![
        Just(IndexFile::Meta),
        any::<u64>().prop_map(IndexFile::Claim),
        hash().prop_map(IndexFile::Data)
    ];
    prop_oneof![
        hash().prop_map(|h| AnyKey::Run(RunKey(h))),
        hash().prop_map(|h| AnyKey::Map(MapKey(h))),
        (namespace(), hash())
            .prop_map(|(namespace, hash)| AnyKey::Part(PartKey { namespace, hash })),
        (namespace(), hash())
            .prop_map(|(namespace, hash)| AnyKey::Dead(DeadKey { namespace, hash })),
        (namespace(), hash(), hash(), file).prop_map(|(namespace, part, params, file)| {
            AnyKey::Index(IndexKey {
                namespace,
                part,
                params,
                file,
            })
        }),
    ]
}

proptest! {
    #[test]
    fn should_read_back_every_key(key in prop_oneof![log_key(), catalog_key(), data_key()]) {
        let path = key.path();
        prop_assert_eq!(Path::parse(path.as_ref()).unwrap(), path.clone());
        prop_assert_eq!(AnyKey::parse(&path), Ok(key));
    }

    #[test]
    fn should_write_back_every_text_it_reads(
        key in prop_oneof![log_key(), catalog_key(), data_key()],
        at in any::<proptest::sample::Index>(),
        with in "[/0-9a-zA-F.%+-]{0,2}",
    ) {
        let mut text = key.path().to_string();
        let at = at.index(text.len());
        text.replace_range(at..=at, &with);
        if let Ok(path) = Path::parse(text)
            && let Ok(key) = AnyKey::parse(&path)
        {
            prop_assert_eq!(key.path(), path);
        }
    }

    #[test]
    fn should_order_keys_like_their_numbers(log in log(), a in any::<u64>(), b in any::<u64>()) {
        let segment = |n| SegmentKey { log, seq: Seq(n) }.path();
        prop_assert_eq!(a.cmp(&b), segment(a).cmp(&segment(b)));
        prop_assert_eq!(b.cmp(&a), CheckpointKey(a).path().cmp(&CheckpointKey(b).path()));
    }
}

#[test]
fn should_write_the_keys_of_the_specification() {
    let log: LogId = "eu/0003".parse().unwrap();
    let namespace: Namespace = "docs".parse().unwrap();
    let part = ContentHash([0xab; 32]);
    let cases = [
        (
            SegmentKey { log, seq: Seq(42) }.path(),
            "log/eu/0003/00000000000000000042.seg",
        ),
        (
            ClaimKey {
                log,
                epoch: Epoch(7),
            }
            .path(),
            "claim/eu/0003/0000000007",
        ),
        (FloorKey { log, k: 1 }.path(), "floor/eu/0003/0000000001"),
        (
            ManifestKey {
                namespace,
                version: 1,
            }
            .path(),
            "manifest/docs/18446744073709551614",
        ),
        (CheckpointKey(0).path(), "checkpoint/18446744073709551615"),
        (ClusterKey(1).path(), "cluster/00000000000000000001"),
        (AckKey(9).path(), "ack/00000000000000000009"),
        (MarkerKey.path(), "marker"),
    ];
    for (path, text) in cases {
        assert_eq!(path.as_ref(), text);
    }
    assert_eq!(
        RunKey(part).path().as_ref(),
        format!("data/run/{}", "ab".repeat(32))
    );
}

#[test]
fn should_refuse_what_only_looks_like_a_key() {
    for bad in [
        "log/eu/0003/42.seg",
        "log/eu/0003/00000000000000000042",
        "log/eu/3/00000000000000000042.seg",
        "log/EU/0003/00000000000000000042.seg",
        "log/eu/0003/00000000000000000042.seg/x",
        "log/eu/0003/99999999999999999999.seg",
        "log/eu/0003/+0000000000000000042.seg",
        "claim/eu/0003/00000000007",
        "data/run/xyz",
        "data/docs/part/00.arrow",
        "marker/x",
        "elsewhere",
    ] {
        assert!(AnyKey::parse(&Path::parse(bad).unwrap()).is_err(), "{bad}");
    }
}
