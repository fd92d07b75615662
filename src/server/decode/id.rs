//! [`IdSeed`]: reads the id of a row.

use super::{Fault, reading::Reading};
use isobath_storage::model::{Id, IdKind};
use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};
use std::fmt;

/// Reads the id of a row; all ids of a write are of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdSeed<'a>(pub(super) &'a Reading<'a>);

impl<'de> DeserializeSeed<'de> for IdSeed<'_> {
    type Value = Id;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Id, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl IdSeed<'_> {
    /// Takes note of the kind of an id, which is that of the others.
    fn check(self, id: Id) -> Result<Id, Fault> {
        let kind = id.kind();
        match self.0.id_kind.get() {
            Some(other) if other != kind => {
                let text = format!("the ids here are {other}, but this one is {kind}");
                Err(Fault::invalid(text))
            }
            _ => {
                self.0.id_kind.set(Some(kind));
                self.0.budget.take(size_of::<Id>())?;
                Ok(id)
            }
        }
    }

    fn of_text(self, text: &str) -> Result<Id, Fault> {
        if self.0.id_kind.get() == Some(IdKind::Uuid) {
            let uuid = text.parse().map_err(|_| {
                let cut: String = text.chars().take(64).collect();
                Fault::invalid(format!("{cut:?} is no UUID"))
            })?;
            return Ok(Id::Uuid(uuid));
        }
        if text.is_empty() || text.len() > Id::MAX_BYTES {
            let text = format!("{} bytes; an id has 1 to {}", text.len(), Id::MAX_BYTES);
            return Err(Fault::invalid(text));
        }
        Ok(Id::Str(text.into()))
    }
}

impl Visitor<'_> for IdSeed<'_> {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: an unsigned integer or a string")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Id, E> {
        self.check(Id::U64(value))
            .map_err(|fault| self.0.refuse(fault))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Id, E> {
        let fault = Fault::invalid(format!("{value} is negative; an id is not"));
        Err(self.0.refuse(fault))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Id, E> {
        let fault = Fault::invalid(format!("{value} is no unsigned 64-bit integer"));
        Err(self.0.refuse(fault))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Id, E> {
        let id = self.of_text(value).and_then(|id| self.check(id));
        id.map_err(|fault| self.0.refuse(fault))
    }
}
