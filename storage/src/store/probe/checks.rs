//! The questions of the probe, each with what a store must answer.

use super::{Check, Outcome, Probe};
use crate::error::ErrorKind;
use crate::store::keys::ProbeKey;
use crate::store::{StoreError, StoreKind, get_suffix, kind_of};
use bytes::Bytes;
use futures::{TryStreamExt, future};
use object_store::{GetOptions, ObjectMeta, ObjectStoreExt};
use std::ops::Range;

/// How many questions there are.
pub(super) const COUNT: usize = 7;
/// How many keys they use, from 0.
pub(super) const KEYS: u64 = 5;
/// How many creates race for one key.
const RACERS: u8 = 16;

const SINGLE: u64 = 0;
const RACED: u64 = 1;
const LISTED: Range<u64> = 2..5;

type Answer = Result<Outcome, StoreError>;

impl Probe<'_> {
    /// Asks question `number`.
    pub(super) async fn check(&self, number: usize) -> Check {
        let (name, answer) = match number {
            0 => (
                "creates an object only if it is absent",
                self.create_twice().await,
            ),
            1 => (
                "lets exactly one of 16 concurrent creates win",
                self.race().await,
            ),
            2 => (
                "creates an object again after its deletion",
                self.create_again().await,
            ),
            3 => (
                "lists objects right after their creation",
                self.list().await,
            ),
            4 => (
                "answers a read with If-None-Match",
                self.read_unless_same().await,
            ),
            5 => ("reads ranges and ends of objects", self.read_ranges().await),
            _ => ("keeps what it has answered", self.durability().await),
        };
        Check {
            name,
            outcome: answer.unwrap_or_else(Outcome::Failed),
        }
    }

    async fn create_twice(&self) -> Answer {
        let key = self.key(SINGLE);
        if self.create(&key, "first".into()).await?.is_none() {
            return Ok(missing("the first create of a new key was refused"));
        }
        if self.create(&key, "second".into()).await?.is_some() {
            return Ok(missing("a second create of the same key was accepted"));
        }
        match &self.read(&key).await?[..] {
            b"first" => Ok(Outcome::Works),
            _ => Ok(missing("a refused create changed the object")),
        }
    }

    async fn race(&self) -> Answer {
        let key = self.key(RACED);
        let creates = (0..RACERS).map(|n| self.create(&key, Bytes::from(vec![n; 1024])));
        let put = future::try_join_all(creates).await?;
        let winners: Vec<u8> = (0..RACERS)
            .zip(&put)
            .filter(|(_, put)| put.is_some())
            .map(|(n, _)| n)
            .collect();
        let [winner] = winners[..] else {
            return Ok(missing(format!("{} of them won", winners.len())));
        };
        if self.read(&key).await? != vec![winner; 1024] {
            return Ok(missing("the object does not hold the winner's bytes"));
        }
        Ok(Outcome::Works)
    }

    async fn create_again(&self) -> Answer {
        let key = self.key(SINGLE);
        self.delete(&key).await?;
        match self.client().get(&key).await {
            Err(error) if kind_of(&error) == ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::request("read", &key, error)),
            Ok(_) => return Ok(missing("a deleted object is still read")),
        }
        match self.create(&key, "again".into()).await? {
            Some(_) => Ok(Outcome::Works),
            None => Ok(missing("a deleted key cannot be created again")),
        }
    }

    async fn list(&self) -> Answer {
        for n in LISTED {
            self.create(&self.key(n), "listed".into()).await?;
        }
        let prefix = ProbeKey::prefix(self.run);
        let failed = |error| StoreError::request("list", &prefix, error);
        let all: Vec<_> = self
            .client()
            .list(Some(&prefix))
            .try_collect()
            .await
            .map_err(failed)?;
        let after = self.key(LISTED.start);
        let rest = self.client().list_with_offset(Some(&prefix), &after);
        let rest: Vec<_> = rest.try_collect().await.map_err(failed)?;
        if keys(all) != (0..LISTED.end).map(|n| self.key(n)).collect::<Vec<_>>() {
            return Ok(missing("a listing lacks objects, or holds others"));
        }
        if keys(rest)
            != (LISTED.start + 1..LISTED.end)
                .map(|n| self.key(n))
                .collect::<Vec<_>>()
        {
            return Ok(missing("a listing after a key does not start behind it"));
        }
        Ok(Outcome::Works)
    }

    async fn read_unless_same(&self) -> Answer {
        let key = self.key(SINGLE);
        let failed = |error| StoreError::request("read", &key, error);
        let Some(e_tag) = self.client().head(&key).await.map_err(failed)?.e_tag else {
            return Ok(missing("objects carry no entity tag"));
        };
        let options = |tag: &str| GetOptions {
            if_none_match: Some(tag.to_owned()),
            ..GetOptions::default()
        };
        match self.client().get_opts(&key, options(&e_tag)).await {
            Err(object_store::Error::NotModified { .. }) => {}
            Err(error) => return Err(failed(error)),
            Ok(_) => return Ok(missing("the header is ignored")),
        }
        self.client()
            .get_opts(&key, options("\"other\""))
            .await
            .map_err(failed)?;
        Ok(Outcome::Works)
    }

    async fn read_ranges(&self) -> Answer {
        let key = self.key(RACED);
        self.delete(&key).await?;
        let body: Vec<u8> = (0..=255).cycle().take(1000).collect();
        self.create(&key, body.clone().into()).await?;
        let failed = |error| StoreError::request("read a range of", &key, error);
        let middle = self
            .client()
            .get_range(&key, 300..310)
            .await
            .map_err(failed)?;
        let ranges = [0..4, 990..1000];
        let several = self
            .client()
            .get_ranges(&key, &ranges)
            .await
            .map_err(failed)?;
        let (end, meta) = get_suffix(self.client(), &key, 16).await.map_err(failed)?;
        let (all, _) = get_suffix(self.client(), &key, 5000)
            .await
            .map_err(failed)?;
        let right = middle == body[300..310]
            && several == [&body[0..4], &body[990..1000]]
            && end == body[984..]
            && all == body
            && meta.size == 1000;
        if right {
            Ok(Outcome::Works)
        } else {
            Ok(missing("other bytes than asked for"))
        }
    }

    async fn durability(&self) -> Answer {
        if !self.store.durable {
            let gone = match self.store.kind {
                StoreKind::Memory => "everything is gone with this process",
                _ => "fsync is off: a power cut loses acknowledged writes",
            };
            return Ok(Outcome::Weak(gone.to_owned()));
        }
        let key = self.key(SINGLE);
        self.delete(&key).await?;
        let put = self.create(&key, "versions".into()).await?;
        let version = put.and_then(|put| put.version).filter(|v| v != "null");
        if self.store.kind == StoreKind::S3 && version.is_some() {
            let what = "versioning is on: deleted bytes stay until a lifecycle rule for \
                        noncurrent versions removes them";
            return Ok(Outcome::Weak(what.to_owned()));
        }
        Ok(Outcome::Works)
    }
}

fn missing(what: impl Into<String>) -> Outcome {
    Outcome::Missing(what.into())
}

/// The keys of a listing, sorted: no store promises an order.
fn keys(listed: Vec<ObjectMeta>) -> Vec<object_store::path::Path> {
    let mut keys: Vec<_> = listed.into_iter().map(|meta| meta.location).collect();
    keys.sort();
    keys
}
