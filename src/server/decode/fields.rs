//! [`Fields`]: the members of a JSON object, taken one by one, so that none is overlooked.

use super::Fault;
use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// The members of a JSON object that nobody has taken yet. A null member counts as absent.
#[derive(Debug)]
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The members of the object that `json` holds.
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, Fault> {
        let fields: Self = serde_json::from_slice(json).map_err(|e| Fault::of_json(&e))?;
        fields.each_once()
    }

    /// The members of the object that `json` is.
    pub(crate) fn of(json: &'a RawValue) -> Result<Self, Fault> {
        Self::parse(json.get().as_bytes())
    }

    fn each_once(self) -> Result<Self, Fault> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Fault::invalid("given twice").under(pair[0])),
            None => Ok(self),
        }
    }

    /// Takes the member `name` as it stands.
    pub(crate) fn take_raw(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|(found, _)| found == name)?;
        let (_, value) = self.0.swap_remove(at);
        (value.get() != "null").then_some(value)
    }

    /// Whether there is a member `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    /// Takes the member `name` as it stands, also where it is null.
    pub(crate) fn take_nullable(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|(found, _)| found == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes the member `name`, read as a `T`.
    pub(crate) fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, Fault> {
        let Some(raw) = self.take_raw(name) else {
            return Ok(None);
        };
        let value = serde_json::from_str(raw.get());
        value.map(Some).map_err(|e| Fault::of_json(&e).under(name))
    }

    /// Takes the member `name`, read by `read`.
    pub(crate) fn read<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&'a RawValue) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let Some(raw) = self.take_raw(name) else {
            return Ok(None);
        };
        read(raw).map(Some).map_err(|fault| fault.under(name))
    }

    /// Refuses members that ask for what does not exist yet; false asks for nothing.
    pub(crate) fn refuse(&mut self, features: &[&str]) -> Result<(), Fault> {
        for feature in features {
            match self.take_raw(feature) {
                Some(value) if value.get() != "false" => return Err(Fault::not_yet(feature)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes members that are understood but change nothing here.
    pub(crate) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.take_raw(name);
        }
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        match self.0.first() {
            Some((name, _)) => Err(Fault::invalid(format!("unknown field `{name}`"))),
            None => Ok(()),
        }
    }

    /// All members that are left, in order.
    pub(crate) fn into_members(self) -> impl Iterator<Item = (Cow<'a, str>, &'a RawValue)> {
        self.0.into_iter()
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = vec![];
        while let Some(Name(name)) = map.next_key()? {
            members.push((name, map.next_value()?));
        }
        Ok(Fields(members))
    }
}

/// A member's name; borrowed unless it holds escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_take_members_and_refuse_the_rest() {
        let mut fields = Fields::parse(br#"{"a":1,"b":null,"c":false,"d":0}"#).unwrap();
        assert_eq!(fields.take::<u8>("a").unwrap(), Some(1));
        assert_eq!(fields.take::<u8>("b").unwrap(), None);
        fields.refuse(&["c", "e"]).unwrap();
        let fault = fields.finish().unwrap_err();
        assert_eq!(fault.to_string(), "unknown field `d`");
    }

    #[test]
    fn should_name_the_member_that_does_not_fit() {
        let mut fields = Fields::parse(br#"{"limit":"x"}"#).unwrap();
        let fault = fields.take::<u8>("limit").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "limit: invalid type: string \"x\", expected u8"
        );
    }

    #[test]
    fn should_refuse_a_member_given_twice() {
        assert!(Fields::parse(br#"{"a":1,"a":2}"#).is_err());
    }
}
